/* Runs of harmless bytes are copied at once; only the rest is looked at byte by byte. */
#include "observe/escape.h"
#include "base/buf.h"
#include "base/mem.h"

enum { PLAIN = 1, BARE = 2 }; /* goes as it is between quotes; also without them */

#define P1 PLAIN | BARE
#define P4 P1, P1, P1, P1
#define P8 P4, P4
/* clang-format off */
static const uint8_t class_of[256] = {
	[0x20] = PLAIN, P1, 0, P1, P4, P8, P8, P8, /* space, then !..? without the quote */
	[0x40] = P8, P8, P8, P1, P1, P1, PLAIN, 0, PLAIN, P1, P1, /* @..Z, [ \ ] ^ _ */
	[0x60] = P8, P8, P8, P4, P1, P1, P1, 0,
};
/* clang-format on */
#undef P1
#undef P4
#undef P8

static const char hex[] = "0123456789abcdef";

static size_t run_of(struct str s, uint8_t class)
{
	size_t n = 0;

	while (n < s.n && class_of[(uint8_t)s.p[n]] & class)
		n++;
	return n;
}

/* Copies a run as far as max allows; false when it had to be cut. */
static bool put_run(struct out *o, struct str *s, size_t n, size_t *max)
{
	bool fits = n <= *max;

	n = fits ? n : *max;
	out_bytes(o, s->p, n);
	*max -= n;
	*s = str_skip(*s, n);
	return fits;
}

static void escape_hex(struct out *o, struct str s, size_t max, uint8_t class)
{
	while (s.n) {
		char code[4] = { '\\', 'x' };
		size_t n = 4;
		uint8_t c;

		if (!put_run(o, &s, run_of(s, class), &max))
			break;
		if (!s.n)
			return;
		c = (uint8_t)s.p[0];
		code[2] = hex[c >> 4];
		code[3] = hex[c & 15];
		if (c == '"' || c == '\\') {
			code[1] = (char)c;
			n = 2;
		}
		if (n > max)
			break;
		out_bytes(o, code, n);
		max -= n;
		s = str_skip(s, 1);
	}
	if (s.n)
		out_lit(o, "...");
}

void escape_quoted(struct out *o, struct str s, size_t max)
{
	escape_hex(o, s, max, PLAIN);
}

void escape_bare(struct out *o, struct str s, size_t max)
{
	escape_hex(o, s, max, BARE);
}

/* A run of bytes that need care, bounded, and not ending inside a UTF-8 sequence if it can be helped. */
static size_t odd_run(struct str s, size_t bound)
{
	size_t n = 0, whole;

	while (n < s.n && n < bound && !(class_of[(uint8_t)s.p[n]] & PLAIN))
		n++;
	if (n == s.n || n < bound)
		return n;
	for (whole = n; whole > n - 3 && ((uint8_t)s.p[whole] & 0xc0) == 0x80; whole--)
		;
	return whole;
}

void escape_json(struct out *o, struct str s, size_t max)
{
	while (s.n) {
		char text[32 * 6];
		struct buf b = { .p = text, .cap = sizeof(text), .max = sizeof(text) }; /* never grows */
		size_t n;

		if (!put_run(o, &s, run_of(s, PLAIN), &max))
			break;
		if (!s.n)
			return;
		n = odd_run(s, 32);
		buf_json(&b, str_mk(s.p, n));
		if (b.n > max)
			break;
		out_bytes(o, b.p, b.n);
		max -= b.n;
		s = str_skip(s, n);
	}
	if (s.n)
		out_lit(o, "...");
}
