/* String views: a pointer and a length into memory somebody else owns. Never NUL-terminated by promise. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit)   ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct str str_of(const char *c)
{
	return (struct str){ c, c ? strlen(c) : 0 };
}
static inline struct str str_mk(const char *p, size_t n)
{
	return (struct str){ p, n };
}
static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline char str_lower_char(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}
static inline struct str str_skip(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

bool str_ieq(struct str a, struct str b); /* ASCII case-insensitive */
struct str str_trim(struct str s);	  /* without leading and trailing space and tab */
/* Splits at the first `sep`: ret_head gets what is before it, the return value is what is after it.
 * Without `sep` ret_head is the whole and the rest has p == NULL. */
struct str str_cut(struct str s, char sep, struct str *ret_head);
/* Walks a comma-separated list (RFC 9110 §5.6.1): returns false at the end; empty elements are skipped, each is
 * trimmed. */
bool str_next_element(struct str *list, struct str *ret_element);
bool str_list_has(struct str list, struct str element); /* case-insensitive membership in such a list */
char *str_dup(struct str s);				/* NUL-terminated copy; caller frees */
