/* The inside of the translation of regular expressions, shared by regex_syntax.c and regex_class.c only. */
#pragma once
#include "base/regex_syntax.h"

#define REGEX_NEST_MAX	 100  /* parentheses; PCRE2's own limit is 250 */
#define REGEX_REPEAT_MAX 1000 /* Go's, over nested repetitions together */

/* What can stand before a repetition operator. */
enum regex_item {
	REGEX_NOTHING,	/* start of a group or alternative */
	REGEX_ATOM,	/* a character or class */
	REGEX_GROUP,	/* something in parentheses */
	REGEX_ASSERT,	/* ^ $ \b: PCRE2 does not repeat these bare */
	REGEX_REPEATED, /* something that is repeated already */
};

struct regex_group {
	unsigned repeat; /* the largest product of counts inside, so far */
	size_t at;	 /* where it begins in the output */
	bool multiline;	 /* (?m) holds at this point of it */
};

struct regex_translator {
	struct str in;
	size_t i; /* into in */
	struct buf *out;
	bool countless;
	struct regex_error *error;
	enum regex_item last;
	size_t last_at;	      /* where the last item begins in out */
	unsigned last_repeat; /* product of the counts inside it */
	unsigned depth;
	struct regex_group groups[REGEX_NEST_MAX + 1]; /* [0]: the whole */
};

int regex_refuse(struct regex_translator *t, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The character `ahead` of the next one; -1 behind the end. */
static inline int regex_peek(const struct regex_translator *t, size_t ahead)
{
	return t->i + ahead < t->in.n ? (unsigned char)t->in.p[t->i + ahead] : -1;
}

static inline bool regex_sees(const struct regex_translator *t, const char *text)
{
	return str_starts(str_skip(t->in, t->i), str_of(text));
}

static inline bool regex_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool regex_is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || regex_is_digit(c) || c == '_';
}

/* Each reads from t->i and moves it; 0 or -EINVAL with the error set. */
int regex_code_point(struct regex_translator *t, uint32_t *ret); /* which must be UTF-8 */
/* The single character of an escape; the backslash is at `start`, t->i behind it. */
int regex_escape_char(struct regex_translator *t, size_t start, uint32_t *ret);
/* \pN, \p{Greek}, \P..., \p{^...}; t->i is at the p. */
int regex_property(struct regex_translator *t, size_t start);
/* \d \D \s \S \w \W; t->i is at the letter. false when it is none of these. */
bool regex_perl_class(struct regex_translator *t, bool in_class);
/* [...] without its place as an item. */
int regex_class(struct regex_translator *t);

void regex_put_char(struct buf *out, uint32_t c);
