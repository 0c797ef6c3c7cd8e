/* application/x-www-form-urlencoded, as far as the API needs it (WHATWG URL §5.1). */
#include "admin/query.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at the front of s; -1 when it is badly escaped. */
static int next_byte(struct str *s, bool form)
{
	char c = s->p[0];
	int hi, lo;

	if (c != '%') {
		*s = str_skip(*s, 1);
		return form && c == '+' ? ' ' : (unsigned char)c;
	}
	if (s->n < 3)
		return -1;
	hi = hex_digit(s->p[1]);
	lo = hex_digit(s->p[2]);
	*s = str_skip(*s, 3);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

bool query_decode(struct str s, bool form, char *ret, size_t cap)
{
	size_t n = 0;

	while (s.n) {
		int c = next_byte(&s, form);

		if (c <= 0 || n + 1 >= cap)
			return false;
		ret[n++] = (char)c;
	}
	ret[n] = 0;
	return true;
}

bool query_next(struct str *query, const char *key, char *ret, size_t cap)
{
	while (query->n) {
		struct str pair, name, value;
		char text[64];

		*query = str_cut(*query, '&', &pair);
		value = str_cut(pair, '=', &name);
		if (query_decode(name, true, text, sizeof(text)) && !strcmp(text, key))
			return query_decode(value, true, ret, cap);
	}
	return false;
}

bool query_get(struct str query, const char *key, char *ret, size_t cap)
{
	return query_next(&query, key, ret, cap);
}
