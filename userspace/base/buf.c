/* Growable byte buffer. Growth doubles up to the ceiling; past it the buffer is marked failed and left as it was. */
#include "base/buf.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BUF_DEFAULT_MAX (1u << 30)

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max ? max : BUF_DEFAULT_MAX };
}

void buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
	b->failed = false;
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

static bool buf_reserve(struct buf *b, size_t more)
{
	size_t max = b->max ? b->max : BUF_DEFAULT_MAX;
	size_t cap = b->cap ? b->cap : 64;

	if (b->failed || more > max || b->n > max - more) {
		b->failed = true;
		return false;
	}
	if (b->n + more <= b->cap)
		return true;
	while (cap < b->n + more)
		cap *= 2;
	if (cap > max)
		cap = max;
	b->p = mem_realloc(b->p, cap, 1);
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!n || !buf_reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	_cleanup_free_ char *large = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
		return;
	}
	large = mem_alloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(large, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_add(b, large, (size_t)n);
}

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 when there is none. */
static size_t utf8_sequence(struct str s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		lo = 0xa0; /* overlong */
	else if (u[0] == 0xed)
		hi = 0x9f; /* surrogates */
	else if (u[0] == 0xf0)
		lo = 0x90;
	else if (u[0] == 0xf4)
		hi = 0x8f; /* past U+10FFFF */
	if (s.n < len || u[1] < lo || u[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void json_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;

	if (at) {
		buf_char(b, '\\');
		buf_char(b, letter[at - plain]);
		return;
	}
	buf_puts(b, "\\u00");
	buf_char(b, hex[c >> 4]);
	buf_char(b, hex[c & 15]);
}

void buf_json(struct buf *b, struct str s)
{
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		size_t len = utf8_sequence(s);

		if (!len) {
			buf_puts(b, "\xef\xbf\xbd");
			len = 1;
		} else if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
			json_escape(b, c);
		} else {
			buf_add(b, s.p, len);
		}
		s = str_skip(s, len);
	}
}

char *buf_take(struct buf *b)
{
	char *p = mem_realloc(b->p, b->n + 1, 1);

	p[b->n] = 0;
	b->p = NULL;
	b->n = b->cap = 0;
	b->failed = false;
	return p;
}
