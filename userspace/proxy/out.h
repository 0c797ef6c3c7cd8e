/* Bounded writer for heads being serialised into the worker's scratch. Overflow marks it; checked once at the end.
 * Empty views may have no address, which memcpy() does not take. */
#pragma once
#include <stdbool.h>
#include <string.h>
#include "base/str.h"
#include "http/head.h"

struct out {
	char *start, *p, *end;
	bool full;
};

static inline void out_bytes(struct out *o, const char *p, size_t n)
{
	if (n == 0)
		return;
	if ((size_t)(o->end - o->p) < n) {
		o->full = true;
		return;
	}
	memcpy(o->p, p, n);
	o->p += n;
}

static inline void out_str(struct out *o, struct str s)
{
	out_bytes(o, s.p, s.n);
}
#define out_lit(o, lit) out_bytes((o), (lit), sizeof(lit) - 1)

static inline void out_u64(struct out *o, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	out_bytes(o, digits + n, sizeof(digits) - n);
}

static inline void out_field(struct out *o, struct str name, struct str value)
{
	if ((size_t)(o->end - o->p) < name.n + value.n + 4) {
		o->full = true;
		return;
	}
	char *p = o->p;
	memcpy(p, name.p, name.n);
	p += name.n;
	*p++ = ':';
	*p++ = ' ';
	if (value.n)
		memcpy(p, value.p, value.n);
	p += value.n;
	*p++ = '\r';
	*p++ = '\n';
	o->p = p;
}

static inline struct str out_view(const struct out *o)
{
	return str_mk(o->start, (size_t)(o->p - o->start));
}
