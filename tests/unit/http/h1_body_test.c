/* Bodies: the chunked grammar case by case, each case also in pieces of every size, and the counting kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/mem.h"
#include "http/h1_body.c"
#include "http/h1_decode.h"

enum outcome { WHOLE, CUT, REFUSED };

struct chunked_case {
	const char *text;
	size_t n;
	enum outcome want;
	const char *content; /* WHOLE, CUT: all of it; REFUSED: what came before */
};

#define CASE(want, text, content)                     \
	{                                             \
		text, sizeof(text) - 1, want, content \
	}

static const struct chunked_case cases[] = {
	CASE(WHOLE, "0\r\n\r\n", ""),
	CASE(WHOLE, "5\r\nhello\r\n0\r\n\r\n", "hello"),
	CASE(WHOLE, "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
	CASE(WHOLE, "00000005\r\nhello\r\n000\r\n\r\n", "hello"),
	CASE(WHOLE, "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
	CASE(WHOLE, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
	CASE(WHOLE, "2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
	CASE(WHOLE, "7\r\n0\r\n\r\nxx\r\n0\r\n\r\n", "0\r\n\r\nxx"), /* an end that is content */
	CASE(WHOLE, "3;name\r\nabc\r\n0;last\r\n\r\n", "abc"),
	CASE(WHOLE, "3;n=v;m=\"q; \\\" x\"\r\nabc\r\n0\r\n\r\n", "abc"),
	CASE(WHOLE, "3 ; n = v\r\nabc\r\n0\r\n\r\n", "abc"),
	CASE(WHOLE, "3;\r\nabc\r\n0\r\n\r\n", "abc"),
	CASE(WHOLE, "3;\xc3\xa9\tx\r\nabc\r\n0\r\n\r\n", "abc"),
	CASE(WHOLE, "1\r\na\r\n0\r\nTrailer: x\r\n\r\n", "a"),
	CASE(WHOLE, "1\r\na\r\n0\r\nA: b\r\nC: \xc3\xa9\td\r\n\r\n", "a"),
	CASE(CUT, "", ""),
	CASE(CUT, "5", ""),
	CASE(CUT, "5;x", ""),
	CASE(CUT, "5\r", ""),
	CASE(CUT, "5\r\n", ""),
	CASE(CUT, "5\r\nhel", "hel"),
	CASE(CUT, "5\r\nhello", "hello"),
	CASE(CUT, "5\r\nhello\r", "hello"),
	CASE(CUT, "5\r\nhello\r\n", "hello"),
	CASE(CUT, "5\r\nhello\r\n0", "hello"),
	CASE(CUT, "5\r\nhello\r\n0\r\n", "hello"),
	CASE(CUT, "5\r\nhello\r\n0\r\n\r", "hello"),
	CASE(CUT, "5\r\nhello\r\n0\r\nA: b\r\n", "hello"),
	CASE(CUT, "fffffffffffffff\r\nx", "x"), /* the largest size: 15 digits */
	CASE(REFUSED, "5 \r\nhello\r\n0\r\n\r\n", ""),
	CASE(REFUSED, "\r\n", ""),
	CASE(REFUSED, "\n", ""),
	CASE(REFUSED, ";x\r\n", ""),
	CASE(REFUSED, " 5\r\nhello\r\n", ""),
	CASE(REFUSED, "+5\r\nhello\r\n", ""),
	CASE(REFUSED, "-5\r\nhello\r\n", ""),
	CASE(REFUSED, "0x5\r\nhello\r\n", ""),
	CASE(REFUSED, "5h\r\nhello\r\n", ""),
	CASE(REFUSED, "g\r\n", ""),
	CASE(REFUSED, "5 5\r\nhello\r\n", ""),
	CASE(REFUSED, "5,5\r\nhello\r\n", ""),
	CASE(REFUSED, "5\0\r\nhello\r\n", ""),
	CASE(REFUSED, "5\nhello\r\n", ""),
	CASE(REFUSED, "5\rhello\r\n", ""),
	CASE(REFUSED, "5\r\r\nhello\r\n", ""),
	CASE(REFUSED, "5;x\ny\r\nhello\r\n", ""), /* a bare LF in an extension: the end of the line to some */
	CASE(REFUSED, "5;x\ry\r\nhello\r\n", ""),
	CASE(REFUSED, "5;\0\r\nhello\r\n", ""),
	CASE(REFUSED, "5;\x7f\r\nhello\r\n", ""),
	CASE(REFUSED, "0000000000000005\r\nhello\r\n", ""),  /* 16 digits */
	CASE(REFUSED, "10000000000000005\r\nhello\r\n", ""), /* 5 modulo 2^64 */
	CASE(REFUSED, "5\r\nhelloX\r\n0\r\n\r\n", "hello"),
	CASE(REFUSED, "5\r\nhello0\r\n\r\n", "hello"),
	CASE(REFUSED, "5\r\nhello\n0\r\n\r\n", "hello"),
	CASE(REFUSED, "5\r\nhello\r0\r\n\r\n", "hello"),
	CASE(REFUSED, "5\r\nhello\r\n\r\n0\r\n\r\n", "hello"),
	CASE(REFUSED, "1\r\na\r\n0\r\n A: b\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\n: b\r\n\r\n", "a"),
	CASE(WHOLE, "0\r\nA:\r\n\r\n", ""),
	CASE(WHOLE, "0\r\n!#$%&'*+-.^_`|~:x:y\r\n\r\n", ""),
	CASE(CUT, "0\r\nA", ""),
	CASE(CUT, "0\r\nA: b\r\nC", ""),
	CASE(REFUSED, "1\r\na\r\n0\r\nA\r\n\r\n", "a"), /* no colon */
	CASE(REFUSED, "1\r\na\r\n0\r\nA : b\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA\t: b\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA: b\r\n c\r\n\r\n", "a"), /* folding */
	CASE(REFUSED, "1\r\na\r\n0\r\nA(: b\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\n\xc3\xa9: b\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	     "a"), /* a request after a missing empty line */
	CASE(REFUSED, "1\r\na\r\n0\r\n\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\n\rx", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA: b\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA: b\rC: d\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA: \0\r\n\r\n", "a"),
	CASE(REFUSED, "1\r\na\r\n0\r\nA: \x7f\r\n\r\n", "a"),
};

static void expect_outcome(const struct chunked_case *c, const struct h1_decoded *d, size_t piece, size_t bite)
{
	enum outcome got = d->bad ? REFUSED : d->done ? WHOLE : CUT;
	size_t n = c->want == WHOLE || c->want == CUT ? strlen(c->content) : d->content.n;
	if (got != c->want || d->content.n != n || (n && memcmp(d->content.p, c->content, n) != 0))
		fail_msg("%.*s\nin pieces of %zu, bites of %zu: outcome %d, expected %d, content '%.*s'", (int)c->n,
			 c->text, piece, bite, got, c->want, (int)d->content.n, d->content.p ? d->content.p : "");
	if (got == WHOLE)
		assert_int_equal(d->consumed, c->n);
}

static void chunked_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece <= cases[i].n + 1; piece++)
			for (size_t bite = 1; bite < 8; bite += 3) {
				struct h1_decoded d;
				h1_decode(H1_BODY_CHUNKED, 0, cases[i].text, cases[i].n, piece, bite, &d);
				expect_outcome(&cases[i], &d, piece, bite);
				buf_free(&d.content);
			}
}

/* What follows the end is the next message and not looked at. */
static void stops_at_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct h1_decoded d;
		char text[256];
		if (cases[i].want != WHOLE)
			continue;
		memcpy(text, cases[i].text, cases[i].n);
		memset(text + cases[i].n, '\n', 20);
		h1_decode(H1_BODY_CHUNKED, 0, text, cases[i].n + 20, SIZE_MAX, SIZE_MAX, &d);
		expect_outcome(&cases[i], &d, 0, 0);
		buf_free(&d.content);
	}
}

/* The verdict is final, whatever is asked next. */
static void broken_for_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct h1_body b;
		struct h1_decoded d = { 0 };
		size_t skip, data;
		if (cases[i].want != REFUSED)
			continue;
		buf_init(&d.content, 0);
		h1_body_init(&b, H1_BODY_CHUNKED, 0);
		(void)h1_decode_some(&b, cases[i].text, cases[i].n, SIZE_MAX, &d);
		assert_true(d.bad);
		assert_true(h1_body_next(&b, "0\r\n\r\n", 5, &skip, &data) < 0);
		assert_true(h1_body_next(&b, "\n\r\n\r\n", 5, &skip, &data) < 0);
		assert_false(b.done);
		buf_free(&d.content);
	}
}

static void add_many(struct buf *b, char c, size_t n)
{
	while (n--)
		buf_char(b, c);
}

static bool line_taken(size_t extension)
{
	struct buf b;
	struct h1_decoded d;
	buf_init(&b, 0);
	buf_puts(&b, "1;");
	add_many(&b, 'x', extension);
	buf_puts(&b, "\r\na\r\n0\r\n\r\n");
	h1_decode(H1_BODY_CHUNKED, 0, b.p, b.n, 7, SIZE_MAX, &d);
	buf_free(&b);
	buf_free(&d.content);
	assert_true(d.done != d.bad);
	return d.done;
}

static bool trailer_taken(size_t bytes, size_t line)
{
	struct buf b;
	struct h1_decoded d;
	buf_init(&b, 0);
	buf_puts(&b, "0\r\n");
	for (size_t left = bytes; left > 0;) {
		size_t n = left < line ? left : line;
		assert_true(n > 4);
		buf_puts(&b, "x:");
		add_many(&b, 'x', n - 4);
		buf_puts(&b, "\r\n");
		left -= n;
	}
	buf_puts(&b, "\r\n");
	h1_decode(H1_BODY_CHUNKED, 0, b.p, b.n, 100, SIZE_MAX, &d);
	buf_free(&b);
	buf_free(&d.content);
	assert_true(d.done != d.bad);
	return d.done;
}

static void bounds(void **state)
{
	(void)state;
	assert_true(line_taken(H1_MAX_CHUNK_LINE / 2));
	assert_true(line_taken(H1_MAX_CHUNK_LINE - 2)); /* with ';' and CR exactly the limit */
	assert_false(line_taken(H1_MAX_CHUNK_LINE - 1));
	assert_false(line_taken(100000));
	assert_true(trailer_taken(1024, 64));
	assert_true(trailer_taken(8 * 1023, 1023)); /* LFs are not counted: 8 lines less, and the empty line's CR */
	assert_false(trailer_taken(H1_MAX_TRAILER * 2, 16));
	assert_false(trailer_taken(H1_MAX_TRAILER * 2, H1_MAX_TRAILER * 2));
}

/* The limit is one for each chunk's line, not for all of them. */
static void many_chunks(void **state)
{
	struct buf b;
	struct h1_decoded d;
	(void)state;
	buf_init(&b, 0);
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "3;abcdefgh\r\nxyz\r\n");
	buf_puts(&b, "0\r\n\r\n");
	for (size_t piece = 1; piece < 40; piece++) {
		h1_decode(H1_BODY_CHUNKED, 0, b.p, b.n, piece, SIZE_MAX, &d);
		assert_true(d.done && !d.bad);
		assert_int_equal(d.content.n, 3000);
		buf_free(&d.content);
	}
	buf_free(&b);
}

static void largest_chunk(void **state)
{
	struct h1_body b;
	size_t skip, data;
	(void)state;
	h1_body_init(&b, H1_BODY_CHUNKED, 0);
	assert_int_equal(h1_body_next(&b, "fffffffffffffff\r\nxyz", 20, &skip, &data), 0);
	assert_int_equal(skip, 17);
	assert_int_equal(data, 3);
	assert_true(b.left == 0xfffffffffffffffull);
	h1_body_used(&b, 3);
	assert_true(b.left == 0xfffffffffffffffull - 3);
	assert_false(b.done);
}

static void length(void **state)
{
	struct h1_decoded d;
	(void)state;
	for (size_t piece = 1; piece < 12; piece++)
		for (size_t bite = 1; bite < 6; bite++) {
			h1_decode(H1_BODY_LENGTH, 5, "hello, next", 11, piece, bite, &d);
			assert_true(d.done && !d.bad);
			assert_int_equal(d.consumed, 5);
			assert_memory_equal(d.content.p, "hello", 5);
			buf_free(&d.content);
			h1_decode(H1_BODY_LENGTH, 12, "hello, next", 11, piece, bite, &d);
			assert_true(!d.done && !d.bad && d.content.n == 11);
			buf_free(&d.content);
		}
	h1_decode(H1_BODY_LENGTH, 0, "next", 4, 4, 4, &d);
	assert_true(d.done && d.consumed == 0);
	buf_free(&d.content);
}

static void none_and_close(void **state)
{
	struct h1_decoded d;
	struct h1_body b;
	size_t skip, data;
	(void)state;
	h1_decode(H1_BODY_NONE, 7, "next", 4, 4, 4, &d);
	assert_true(d.done && d.consumed == 0);
	buf_free(&d.content);
	h1_decode(H1_BODY_CLOSE, 0, "0\r\n\r\nall of it", 14, 3, 2, &d);
	assert_true(!d.done && !d.bad && d.content.n == 14);
	buf_free(&d.content);
	h1_body_init(&b, H1_BODY_CLOSE, 0);
	assert_int_equal(h1_body_next(&b, "", 0, &skip, &data), 0);
	assert_int_equal(data, 0);
	assert_false(b.done);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunked_grammar), cmocka_unit_test(stops_at_the_end),
		cmocka_unit_test(broken_for_good), cmocka_unit_test(bounds),
		cmocka_unit_test(many_chunks),	   cmocka_unit_test(largest_chunk),
		cmocka_unit_test(length),	   cmocka_unit_test(none_and_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
