/* PROXY protocol headers, each cut at every byte and followed by anything; and the filter on a real connection, fed in
 * pieces of every size. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net/cf_proxyproto.c"
#include "net/proxyproto.c"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4  "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x50\x1f\x90" /* 1.2.3.4:80 to 5.6.7.8:8080 */
#define V6  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x50\x1f\x90"

enum verdict { IS, NOT, BAD, MORE };

struct header_case {
	const char *text;
	size_t n;
	enum verdict want;
	const char *src, *dst; /* NULL: says nothing */
};

#define CASE(text, want, src, dst)                     \
	{                                              \
		text, sizeof(text) - 1, want, src, dst \
	}

static const struct header_case cases[] = {
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 8080\r\n", IS, "1.2.3.4:80", "5.6.7.8:8080"),
	CASE("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", IS, "255.255.255.255:65535", "0.0.0.0:0"),
	CASE("PROXY TCP6 2001:db8::1 2001:DB8::2 1 2\r\n", IS, "[2001:db8::1]:1", "[2001:db8::2]:2"),
	CASE("PROXY TCP6 ffff:f00f:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
	     "65535\r\n",
	     IS, "[ffff:f00f:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
	CASE("PROXY UNKNOWN\r\n", IS, NULL, NULL),
	CASE("PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n", IS, NULL, NULL),
	CASE(SIG "\x21\x11\0\x0c" V4, IS, "1.2.3.4:80", "5.6.7.8:8080"),
	CASE(SIG "\x21\x11\0\x10" V4 "\x04\0\x01x", IS, "1.2.3.4:80", "5.6.7.8:8080"), /* with an extension */
	CASE(SIG "\x21\x21\0\x24" V6, IS, "[2001:db8::1]:80", "[2001:db8::2]:8080"),
	CASE(SIG "\x20\x00\0\0", IS, NULL, NULL), /* LOCAL */
	CASE(SIG "\x20\x11\0\x0c" V4, IS, NULL, NULL),
	CASE(SIG "\x21\x00\0\x03xyz", IS, NULL, NULL), /* UNSPEC */
	CASE(SIG "\x21\x12\0\x0c" V4, IS, NULL, NULL), /* datagrams */
	CASE(SIG "\x21\x31\0\x02xy", IS, NULL, NULL),  /* unix sockets */
	CASE("GET / HTTP/1.1\r\n", NOT, NULL, NULL),
	CASE("PROPFIND / HTTP/1.1\r\n", NOT, NULL, NULL),
	CASE("PROXYX", NOT, NULL, NULL),
	CASE("proxy TCP4", NOT, NULL, NULL),
	CASE(" PROXY ", NOT, NULL, NULL),
	CASE("\x16\x03\x01", NOT, NULL, NULL),
	CASE("\r\nGET", NOT, NULL, NULL),
	CASE("\r\n\r\n\0\r\nQUIT\r", NOT, NULL, NULL),
	CASE("", MORE, NULL, NULL),
	CASE("PROXY", MORE, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 8080\r", MORE, NULL, NULL),
	CASE(SIG, MORE, NULL, NULL),
	CASE(SIG "\x21\x11\0\x0c"
		 "abc",
	     MORE, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 8080\n", BAD, NULL, NULL),
	CASE("PROXY \r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP5 1.2.3.4 5.6.7.8 80 8080\r\n", BAD, NULL, NULL),
	CASE("PROXY UDP4 1.2.3.4 5.6.7.8 80 8080\r\n", BAD, NULL, NULL),
	CASE("PROXY UNKNOWNX\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4  1.2.3.4 5.6.7.8 80 8080\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 8080 \r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 8080 x\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 65536\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 080 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 -1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 +1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3 5.6.7.8 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.256 5.6.7.8 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 ::1 ::2 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP6 1.2.3.4 5.6.7.8 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP6 [::1] ::2 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 localhost 5.6.7.8 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 1\r\n", BAD, NULL, NULL),
	CASE("PROXY TCP4 1.2.3.4 5.6.7.8 80 "
	     "8080xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	     BAD, NULL, NULL),
	CASE(SIG "\x11\x11\0\x0c" V4, BAD, NULL, NULL), /* version 1 */
	CASE(SIG "\x31\x11\0\x0c" V4, BAD, NULL, NULL),
	CASE(SIG "\x22\x11\0\x0c" V4, BAD, NULL, NULL), /* a command nobody knows */
	CASE(SIG "\x21\x41\0\x0c" V4, BAD, NULL, NULL),
	CASE(SIG "\x21\x13\0\x0c" V4, BAD, NULL, NULL),
	CASE(SIG "\x21\x11\0\x0b" V4, BAD, NULL, NULL), /* too short for its family */
	CASE(SIG "\x21\x21\0\x0c" V4, BAD, NULL, NULL),
	CASE(SIG "\x21\x11\xff\xff", BAD, NULL, NULL), /* longer than anybody needs */
};

static enum verdict verdict_of(int rc)
{
	return rc > 0 ? IS : rc == 0 ? NOT : rc == -EAGAIN ? MORE : BAD;
}

static void expect_endpoint(const struct endpoint *e, const char *want)
{
	char text[ENDPOINT_TEXT_MAX];
	endpoint_print(e, text);
	assert_string_equal(text, want);
}

static void headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct header_case *c = &cases[i];
		struct proxyproto h;
		int rc = proxyproto_parse(c->text, c->n, &h);
		if (verdict_of(rc) != c->want)
			fail_msg("case %zu: %.*s -> %d", i, (int)c->n, c->text, rc);
		if (c->want != IS)
			continue;
		assert_int_equal(rc, c->n);
		assert_int_equal(h.known, c->src != NULL);
		if (c->src) {
			expect_endpoint(&h.src, c->src);
			expect_endpoint(&h.dst, c->dst);
		}
	}
}

/* More bytes turn "more" into a verdict and change no verdict. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct header_case *c = &cases[i];
		struct proxyproto h;
		for (size_t n = 0; n < c->n; n++) {
			char *copy = malloc(n ? n : 1);
			memcpy(copy, c->text, n);
			enum verdict v = verdict_of(proxyproto_parse(copy, n, &h));
			free(copy);
			if (v != MORE && (v == IS || v != c->want))
				fail_msg("case %zu cut at %zu: %d", i, n, (int)v);
		}
		struct buf b;
		buf_init(&b, 0);
		buf_add(&b, c->text, c->n);
		buf_puts(&b, "GET / HTTP/1.1\r\n\r\n");
		if (c->want == IS)
			assert_int_equal(proxyproto_parse(b.p, b.n, &h), c->n);
		buf_free(&b);
	}
}

/* --- the filter */

struct bench {
	struct loop loop;
	struct conn c;
	int peer;
	unsigned told;
	struct proxyproto header;
};

static void on_ready(struct watch *w, uint32_t events)
{
	conn_note(container_of(w, struct conn, watch), events);
}

static void on_told(struct conn *c, const struct proxyproto *h)
{
	struct bench *b = container_of(c, struct bench, c);
	b->told++;
	b->header = *h;
}

static void setup(struct bench *b)
{
	int fds[2];
	memset(b, 0, sizeof(*b));
	assert_int_equal(loop_init(&b->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(conn_open(&b->c, &b->loop, fds[0], on_ready), 0);
	b->peer = fds[1];
	cf_proxyproto_push(&b->c, on_told);
}

static void teardown(struct bench *b)
{
	conn_close(&b->c);
	close(b->peer);
	loop_free(&b->loop);
}

/* As a receiver does: while readable. The last return value that was no data, 1 for none. */
static int drain(struct bench *b, size_t room, struct buf *got)
{
	char p[4096];
	loop_once(&b->loop, 0);
	while (b->c.readable) {
		ssize_t n = conn_recv(&b->c, p, room);
		if (n <= 0)
			return (int)n;
		buf_add(got, p, (size_t)n);
	}
	return -EAGAIN;
}

static void feed(const struct header_case *c, size_t piece, size_t room)
{
	static const char rest[] = "GET /what/follows HTTP/1.1\r\nHost: a\r\n\r\n";
	struct bench b;
	struct buf text, got;
	int rc = -EAGAIN;
	setup(&b);
	buf_init(&text, 0);
	buf_init(&got, 0);
	buf_add(&text, c->text, c->n);
	if (c->want != MORE)
		buf_puts(&text, rest);
	for (size_t at = 0; at < text.n && rc == -EAGAIN; at += piece) {
		size_t n = text.n - at < piece ? text.n - at : piece;
		assert_int_equal(write(b.peer, text.p + at, n), n);
		rc = drain(&b, room, &got);
	}
	assert_int_equal(rc, c->want == BAD ? -EPROTO : -EAGAIN);
	if (c->want == IS)
		assert_true(str_eq(buf_view(&got), STR(rest)));
	if (c->want == NOT)
		assert_true(str_eq(buf_view(&got), buf_view(&text)));
	if (c->want == MORE || c->want == BAD)
		assert_int_equal(got.n, 0);
	assert_int_equal(b.told, c->want == IS && c->src ? 1 : 0);
	if (b.told)
		expect_endpoint(&b.header.src, c->src);
	if (c->want == IS || c->want == NOT)
		assert_ptr_equal(b.c.top, &b.c.bottom); /* it has left */
	buf_free(&text);
	buf_free(&got);
	teardown(&b);
}

static void filter(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 11, 12, 13, 16, 40, 5000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
			feed(&cases[i], pieces[k], 4096);
			feed(&cases[i], pieces[k], 5);
		}
}

static void ends_before_the_header(void **state)
{
	struct bench b;
	struct buf got;
	(void)state;
	setup(&b);
	buf_init(&got, 0);
	assert_int_equal(write(b.peer, "PRO", 3), 3);
	assert_int_equal(shutdown(b.peer, SHUT_WR), 0);
	assert_int_equal(drain(&b, 100, &got), 0);
	assert_int_equal(got.n, 0);
	buf_free(&got);
	teardown(&b); /* with the filter still on it */
}

/* Filters above and below each other, and one that leaves from the middle. */
static void leaves_from_the_middle(void **state)
{
	static const struct cf_ops nothing = { .name = "nothing" };
	struct cf above = { .ops = &nothing };
	struct bench b;
	struct buf got;
	(void)state;
	setup(&b);
	conn_push(&b.c, &above);
	buf_init(&got, 0);
	assert_int_equal(write(b.peer, "PROXY UNKNOWN\r\nx", 16), 16);
	assert_int_equal(drain(&b, 100, &got), -EAGAIN);
	assert_true(str_eq(buf_view(&got), STR("x")));
	assert_ptr_equal(b.c.top, &above);
	assert_ptr_equal(above.next, &b.c.bottom);
	buf_free(&got);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(filter),
		cmocka_unit_test(ends_before_the_header),
		cmocka_unit_test(leaves_from_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
