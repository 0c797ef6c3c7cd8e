/* Keys are compared while they are decoded; a value is copied only when it is of the right key and has an escape. */
#include "rule/query.h"

static int rule_query_hex(char c)
{
	c = str_lower_char(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One decoded byte from the front of a text that is not empty; -1: a broken escape. */
static int rule_query_byte(struct str *s)
{
	int high, low, c = (unsigned char)s->p[0];

	if (c != '%') {
		*s = str_skip(*s, 1);
		return c == '+' ? ' ' : c;
	}
	high = s->n > 2 ? rule_query_hex(s->p[1]) : -1;
	low = s->n > 2 ? rule_query_hex(s->p[2]) : -1;
	if (high < 0 || low < 0)
		return -1;
	*s = str_skip(*s, 3);
	return high * 16 + low;
}

static bool rule_query_is(struct str raw, struct str want)
{
	size_t i = 0;

	while (raw.n) {
		int c = rule_query_byte(&raw);

		if (c < 0 || i == want.n || (unsigned char)want.p[i] != c)
			return false;
		i++;
	}
	return i == want.n;
}

static bool rule_query_decode(struct rule_query *q, struct str raw, struct str *ret)
{
	if (!raw.n || (!memchr(raw.p, '%', raw.n) && !memchr(raw.p, '+', raw.n))) {
		*ret = str_mk(raw.n ? raw.p : "", raw.n);
		return true;
	}
	buf_reset(&q->buffer);
	while (raw.n) {
		int c = rule_query_byte(&raw);

		if (c < 0)
			return false;
		buf_char(&q->buffer, (char)c);
	}
	*ret = buf_view(&q->buffer);
	return buf_ok(&q->buffer);
}

void rule_query_begin(struct rule_query *q, struct str query)
{
	q->rest = query;
	buf_init(&q->buffer, 0);
}

bool rule_query_next(struct rule_query *q, struct str key, struct str *ret_value)
{
	while (q->rest.n) {
		struct str pair, name, value;

		q->rest = str_cut(q->rest, '&', &pair);
		if (!pair.n || memchr(pair.p, ';', pair.n))
			continue;
		value = str_cut(pair, '=', &name);
		if (rule_query_is(name, key) && rule_query_decode(q, value, ret_value))
			return true;
	}
	return false;
}

void rule_query_end(struct rule_query *q)
{
	buf_free(&q->buffer);
}
