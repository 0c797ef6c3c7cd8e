/* A stream over one end of a socket pair with a real loop; where short writes matter, a filter on the connection
 * decides how many bytes the socket takes, so that every place a write can stop at is met. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rng.h"
#include "http/h1_stream.c"
#include "http/h1_decode.h"

#define MAX_HEAD 65536u

struct bench {
	struct loop loop;
	struct block_pool pool;
	struct h1_stream s;
	int peer;
	struct cf filter;
	struct rng rng;
	struct buf sent; /* what the filter let through */
	uint64_t max_write;
};

static void on_ready(struct watch *w, uint32_t events)
{
	conn_note(container_of(w, struct conn, watch), events);
}

static void setup(struct bench *b, uint32_t max_head)
{
	int fds[2];
	memset(b, 0, sizeof(*b));
	rng_seed(&b->rng, 7);
	buf_init(&b->sent, 0);
	assert_int_equal(loop_init(&b->loop), 0);
	block_pool_init(&b->pool, 4);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(h1_stream_open(&b->s, &b->pool, &b->loop, fds[0], max_head, on_ready), 0);
	b->peer = fds[1];
	loop_once(&b->loop, 0);
}

static void teardown(struct bench *b)
{
	h1_stream_close(&b->s);
	h1_stream_close(&b->s);
	assert_int_equal(b->pool.in_use, 0);
	mem_closep(&b->peer);
	buf_free(&b->sent);
	block_pool_free(&b->pool);
	loop_free(&b->loop);
}

/* Writes what fits; returns how much that was. */
static size_t put(struct bench *b, const char *p, size_t n)
{
	ssize_t done = n ? write(b->peer, p, n) : 0;
	if (done < 0)
		assert_int_equal(errno, EAGAIN);
	loop_once(&b->loop, 0);
	return done > 0 ? (size_t)done : 0;
}

static void put_all(struct bench *b, struct str s)
{
	assert_int_equal(put(b, s.p, s.n), s.n);
}

static struct field fields[HEAD_MAX_FIELDS];

/* Until there is a head or an error: H1_OK, H1_MORE when the input is used up, a parse error, or -errno. */
static int read_head(struct bench *b, struct head *ret)
{
	for (;;) {
		enum h1_error e = h1_stream_parse(&b->s, true, fields, ret);
		if (e != H1_MORE)
			return (int)e;
		ssize_t n = h1_stream_fill(&b->s);
		if (n == -EAGAIN)
			return H1_MORE;
		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
	}
}

/* The same while text is being delivered; what it did not come to stays in text. */
static int deliver_head(struct bench *b, struct str *text, size_t piece, struct head *ret)
{
	int rc = H1_MORE;
	while (rc == H1_MORE && text->n) {
		*text = str_skip(*text, put(b, text->p, text->n < piece ? text->n : piece));
		rc = read_head(b, ret);
	}
	return rc;
}

/* A head of exactly n bytes; the field X fills it up. */
static void make_head(struct buf *b, size_t n, const char *more)
{
	static const char start[] = "POST /p HTTP/1.1\r\nHost: a\r\nX: ";
	size_t rest = sizeof(start) - 1 + 4 + strlen(more);
	assert_true(n > rest);
	buf_init(b, 0);
	buf_puts(b, start);
	for (size_t i = 0; i < n - rest; i++)
		buf_char(b, (char)('a' + i % 26));
	buf_puts(b, "\r\n");
	buf_puts(b, more);
	buf_puts(b, "\r\n");
	assert_int_equal(b->n, n);
}

static void expect_alphabet(struct str v)
{
	assert_true(v.n > 0);
	for (size_t i = 0; i < v.n; i++)
		assert_int_equal(v.p[i], 'a' + i % 26);
}

static char content_at(size_t i)
{
	return (char)(i * 31 + (i >> 8) * 7);
}

/* --- heads
 * ----------------------------------------------------------------------------------------------------------------------------
 */

static void head_in_pieces(void **state)
{
	static const char text[] = "\r\nGET /x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct bench b;
		struct head h;
		struct str rest = str_of(text);
		setup(&b, MAX_HEAD);
		assert_int_equal(deliver_head(&b, &rest, piece, &h), H1_OK);
		assert_true(str_eq(h.target, STR("/x")) && str_eq(h.fields[1].value, STR("b")));
		assert_int_equal(b.pool.in_use, 1);
		h1_stream_release_head(&b.s);
		assert_int_equal(b.pool.in_use, 0);
		teardown(&b);
	}
}

static int head_of(size_t n, uint32_t max_head, size_t piece)
{
	struct bench b;
	struct buf text;
	struct head h;
	setup(&b, max_head);
	make_head(&text, n, "");
	struct str rest = buf_view(&text);
	int rc = deliver_head(&b, &rest, piece, &h);
	if (rc == H1_OK) {
		expect_alphabet(h.fields[1].value);
		assert_int_equal(h.size, n);
		h1_stream_release_head(&b.s);
		assert_null(b.s.rx);
	}
	assert_true(b.pool.in_use <= 1);
	buf_free(&text);
	teardown(&b);
	return rc;
}

static void head_sizes(void **state)
{
	static const struct {
		size_t n;
		uint32_t max;
		int want;
	} cases[] = {
		{ 40, MAX_HEAD, H1_OK },
		{ 12287, MAX_HEAD, H1_OK },
		{ 12288, MAX_HEAD, H1_OK },
		{ 12289, MAX_HEAD, H1_OK },
		{ BLOCK_SIZE - 1, MAX_HEAD, H1_OK },
		{ BLOCK_SIZE, MAX_HEAD, H1_OK },
		{ BLOCK_SIZE + 1, MAX_HEAD, H1_OK },
		{ 40000, MAX_HEAD, H1_OK },
		{ MAX_HEAD - 1, MAX_HEAD, H1_OK },
		{ MAX_HEAD, MAX_HEAD, H1_OK },
		{ MAX_HEAD + 1, MAX_HEAD, -ENOBUFS },
		{ MAX_HEAD * 2, MAX_HEAD, -ENOBUFS },
		{ BLOCK_SIZE, BLOCK_SIZE, H1_OK },
		{ BLOCK_SIZE + 1, BLOCK_SIZE, -ENOBUFS },
		{ 1000, 1000, H1_OK },
		{ 1001, 1000, H1_TOO_MANY_FIELDS },
		{ BLOCK_SIZE + 1, 1000, -ENOBUFS },
		{ 20000, 20000, H1_OK },
		{ 20001, 20000, -ENOBUFS },
	};
	static const size_t pieces[] = { 137, 4096, 100000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
			int rc = head_of(cases[i].n, cases[i].max, pieces[k]);
			if (rc != cases[i].want)
				fail_msg("head of %zu, at most %u, in pieces of %zu: %d, expected %d", cases[i].n,
					 cases[i].max, pieces[k], rc, cases[i].want);
		}
}

static void bad_heads(void **state)
{
	static const struct str cases[] = { STR("GET / HTTP/1.1\r\n\r\n"), STR("GET / HTTP/1.1\r\nA: b\n"),
					    STR("nonsense\n"), STR("\n\n") };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece <= cases[i].n; piece++) {
			struct bench b;
			struct head h;
			setup(&b, MAX_HEAD);
			struct str rest = cases[i];
			/* In pieces the search for the head's end may be the one to notice. */
			assert_int_equal(h1_error_status((enum h1_error)deliver_head(&b, &rest, piece, &h)), 400);
			teardown(&b);
		}
}

/* --- bodies
 * ---------------------------------------------------------------------------------------------------------------------------
 */

/* Takes the body in bites of any size while it is being delivered; returns the last answer of peek. */
static int read_body(struct bench *b, struct str raw, struct buf *content)
{
	size_t at = 0;
	for (;;) {
		struct str view;
		int rc = h1_stream_peek(&b->s, &view);
		if (rc == 1) {
			size_t bite = 1 + rng_u64(&b->rng) % view.n;
			bool ends = h1_stream_ends_after(&b->s, bite);
			buf_add(content, view.p, bite);
			h1_stream_consume(&b->s, bite);
			if (ends)
				assert_int_equal(h1_stream_peek(&b->s, &view), 0);
		} else if (rc == -EAGAIN && at < raw.n) {
			size_t piece = 1 + rng_u64(&b->rng) % 9000;
			at += put(b, raw.p + at, raw.n - at < piece ? raw.n - at : piece);
		} else {
			return rc;
		}
	}
}

static void make_body(struct buf *raw, size_t n, bool chunked)
{
	buf_init(raw, 0);
	for (size_t i = 0; i < n;) {
		size_t k = chunked ? 1 + i * 7 % 3000 : n;
		k = n - i < k ? n - i : k;
		if (chunked)
			buf_printf(raw, "%zx;ext\r\n", k);
		for (size_t end = i + k; i < end; i++)
			buf_char(raw, content_at(i));
		if (chunked)
			buf_puts(raw, "\r\n");
	}
	if (chunked)
		buf_puts(raw, "0\r\nTrailer: x\r\n\r\n");
}

static void expect_content(const struct buf *b, size_t n)
{
	assert_int_equal(b->n, n);
	for (size_t i = 0; i < n; i++)
		if (b->p[i] != content_at(i))
			fail_msg("byte %zu differs", i);
}

static void expect_trailer(const struct h1_stream *s, bool any)
{
	unsigned n;
	assert_int_equal(h1_stream_trailer(s, fields, &n), 0);
	assert_int_equal(n, any ? 1 : 0);
	if (any)
		assert_true(str_eq(fields[0].name, STR("Trailer")) && str_eq(fields[0].value, STR("x")));
}

/* One message; all of the head stays readable until it is released, wherever the body's bytes go meanwhile. */
static void expect_message(size_t head, size_t body, bool chunked)
{
	struct bench b;
	struct buf text, raw, content;
	struct head h;
	char more[64];
	setup(&b, MAX_HEAD);
	snprintf(more, sizeof(more), chunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: %zu\r\n", body);
	make_head(&text, head, more);
	make_body(&raw, body, chunked);
	buf_init(&content, 0);
	/* The head and the first bytes of the body arrive together. */
	size_t together = raw.n < 500 ? raw.n : 500;
	buf_add(&text, raw.p, together);
	struct str rest = buf_view(&text);
	assert_int_equal(deliver_head(&b, &rest, 5000, &h), H1_OK);
	rest = str_skip(buf_view(&raw), together - rest.n);
	h1_body_init(&b.s.in, chunked ? H1_BODY_CHUNKED : H1_BODY_LENGTH, body);
	assert_int_equal(read_body(&b, rest, &content), 0);
	expect_content(&content, body);
	expect_alphabet(h.fields[1].value);
	assert_true(str_eq(h.target, STR("/p")));
	assert_true(b.pool.in_use <= (chunked ? 3 : 2));
	expect_trailer(&b.s, chunked);
	h1_stream_release_head(&b.s);
	assert_int_equal(b.pool.in_use, 0);
	assert_null(b.s.rx);
	assert_null(b.s.rx_head);
	buf_free(&text);
	buf_free(&raw);
	buf_free(&content);
	teardown(&b);
}

static void bodies(void **state)
{
	static const size_t heads[] = { 100,	    12288, 12289,	    12500,	    15000,
					BLOCK_SIZE, 20000, MAX_HEAD - 4096, MAX_HEAD - 600, MAX_HEAD };
	static const size_t lengths[] = { 1, 499, 4096, 17000, 100000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
			expect_message(heads[i], lengths[k], false);
			expect_message(heads[i], lengths[k], true);
		}
}

static void ends_of_bodies(void **state)
{
	static const struct {
		enum h1_body_kind kind;
		uint64_t length;
		struct str raw;
		int want;
		struct str content;
	} cases[] = {
		{ H1_BODY_LENGTH, 5, STR("hello"), 0, STR("hello") },
		{ H1_BODY_LENGTH, 6, STR("hello"), -EPIPE, STR("hello") },
		{ H1_BODY_CHUNKED, 0, STR("5\r\nhello\r\n0\r\n\r\n"), 0, STR("hello") },
		{ H1_BODY_CHUNKED, 0, STR("5\r\nhello\r\n0\r\n\r"), -EPIPE, STR("hello") },
		{ H1_BODY_CHUNKED, 0, STR("5\r\nhell"), -EPIPE, STR("hell") },
		{ H1_BODY_CHUNKED, 0, STR(""), -EPIPE, STR("") },
		{ H1_BODY_CHUNKED, 0, STR("5\r\nhelloXX"), -EBADMSG, STR("hello") },
		{ H1_BODY_CLOSE, 0, STR("hello"), 0, STR("hello") },
		{ H1_BODY_CLOSE, 0, STR(""), 0, STR("") },
		{ H1_BODY_NONE, 0, STR(""), 0, STR("") },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;
		struct buf content;
		setup(&b, MAX_HEAD);
		buf_init(&content, 0);
		h1_body_init(&b.s.in, cases[i].kind, cases[i].length);
		put_all(&b, cases[i].raw);
		mem_closep(&b.peer);
		loop_once(&b.loop, 0);
		assert_int_equal(read_body(&b, (struct str){ 0 }, &content), cases[i].want);
		assert_true(str_eq(buf_view(&content), cases[i].content));
		buf_free(&content);
		h1_stream_release_head(&b.s);
		teardown(&b);
	}
}

static void pipelined(void **state)
{
	static const char one[] = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	static const char two[] =
		"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
	static const char three[] = "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct bench b;
	struct buf text, content;
	(void)state;
	setup(&b, MAX_HEAD);
	buf_init(&text, 0);
	buf_init(&content, 0);
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "%s%s%s", one, two, three);
	size_t at = 0;
	for (int i = 0; i < 900; i++) {
		struct head h;
		int rc;
		while ((rc = read_head(&b, &h)) == H1_MORE && at < text.n)
			at += put(&b, text.p + at, text.n - at < 7001 ? text.n - at : 7001);
		assert_int_equal(rc, H1_OK);
		assert_int_equal(h.target.p[1], '1' + i % 3);
		h1_body_init(&b.s.in,
			     h.chunked		    ? H1_BODY_CHUNKED
			     : h.content_length > 0 ? H1_BODY_LENGTH
						    : H1_BODY_NONE,
			     3);
		while ((rc = read_body(&b, (struct str){ 0 }, &content)) == -EAGAIN)
			at += put(&b, text.p + at, 1);
		assert_int_equal(rc, 0);
		h1_stream_release_head(&b.s);
		assert_true(b.pool.in_use <= 1);
	}
	assert_int_equal(content.n, 300 * 5);
	assert_int_equal(b.pool.in_use, 0);
	buf_free(&text);
	buf_free(&content);
	teardown(&b);
}

/* After a head that needed the large buffer the connection goes on in plain blocks. */
static void small_again(void **state)
{
	static const char next[] = "GET /n HTTP/1.1\r\nHost: a\r\n\r\n";
	struct bench b;
	struct buf text;
	struct head h;
	(void)state;
	setup(&b, MAX_HEAD);
	make_head(&text, 40000, "");
	buf_puts(&text, next);
	struct str rest = buf_view(&text);
	assert_int_equal(deliver_head(&b, &rest, 50000, &h), H1_OK);
	h1_stream_release_head(&b.s);
	assert_int_equal(b.s.rx_cap, BLOCK_SIZE);
	assert_int_equal(b.pool.in_use, 1);
	assert_int_equal(read_head(&b, &h), H1_OK);
	assert_true(str_eq(h.target, STR("/n")));
	h1_stream_release_head(&b.s);
	buf_free(&text);
	teardown(&b);
}

/* --- sending
 * --------------------------------------------------------------------------------------------------------------------------
 */

static ssize_t short_writev(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	struct bench *b = container_of(f, struct bench, filter);
	uint64_t take = rng_u64(&b->rng) % (b->max_write + 1), taken = 0, want = 0;
	for (int i = 0; i < niov; i++) {
		size_t n = iov[i].iov_len < take - taken ? iov[i].iov_len : (size_t)(take - taken);
		if (n)
			buf_add(&b->sent, iov[i].iov_base, n);
		taken += n;
		want += iov[i].iov_len;
	}
	assert_true(want > 0);
	if (taken < want)
		c->writable = false;
	return taken ? (ssize_t)taken : -EAGAIN;
}

static const struct cf_ops short_ops = { .name = "short", .writev = short_writev };

static void use_short_writes(struct bench *b, uint64_t max_write)
{
	b->max_write = max_write;
	b->filter = (struct cf){ .ops = &short_ops, .next = b->s.conn.top };
	b->s.conn.top = &b->filter;
}

/* Content becomes available bit by bit and is sent as the request state machine does it. */
static void send_message(struct bench *b, struct str head, enum h1_body_kind kind, struct str content)
{
	size_t have = content.n ? rng_u64(&b->rng) % (content.n + 1) : 0, at;
	ssize_t n = h1_stream_send_head(&b->s, head, kind, content.n, str_mk(content.p, have),
					have == content.n && have > 0);
	assert_true(n >= 0);
	at = (size_t)n;
	for (;;) {
		if (have < content.n && rng_u64(&b->rng) % 2)
			have += 1 + rng_u64(&b->rng) % (content.n - have);
		if (at == content.n)
			n = h1_stream_finish(&b->s, (struct str){ 0 });
		else if (at == have)
			n = h1_stream_flush(&b->s);
		else
			n = h1_stream_send(&b->s, str_mk(content.p + at, have - at),
					   have == content.n && rng_u64(&b->rng) % 4);
		if (n == -EAGAIN) {
			assert_false(b->s.conn.writable);
			b->s.conn.writable = true;
			continue;
		}
		assert_true(n >= 0);
		if (at == content.n)
			break;
		at += (size_t)n;
		assert_true(at <= have);
	}
	assert_true(h1_stream_flushed(&b->s));
	assert_null(b->s.tx);
}

static void expect_sent(struct bench *b, struct str head, enum h1_body_kind kind, struct str content)
{
	struct h1_decoded d;
	struct str sent = buf_view(&b->sent);
	assert_int_equal(b->s.tx_bytes, sent.n);
	assert_true(str_starts(sent, head));
	sent = str_skip(sent, head.n);
	h1_decode(kind, content.n, sent.p, sent.n, SIZE_MAX, SIZE_MAX, &d);
	assert_false(d.bad);
	assert_int_equal(d.done, kind != H1_BODY_CLOSE);
	assert_int_equal(d.consumed, sent.n); /* nothing behind the end */
	assert_true(str_eq(buf_view(&d.content), content));
	buf_free(&d.content);
}

static void short_writes(void **state)
{
	static const enum h1_body_kind kinds[] = { H1_BODY_CHUNKED, H1_BODY_LENGTH, H1_BODY_CLOSE };
	static const size_t sizes[] = { 1, 2, 15, 16, 17, 300, 5000, 70000 };
	static char text[70000];
	struct rng rng;
	(void)state;
	rng_seed(&rng, 11);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = content_at(i);
	for (int i = 0; i < 6000; i++) {
		struct bench b;
		size_t n = i % 9 == 0 ? 0 : rng_u64(&rng) % (sizes[(unsigned)i % 8] + 1),
		       head = 1 + rng_u64(&rng) % (i % 50 ? 60 : 30000);
		setup(&b, MAX_HEAD);
		rng_seed(&b.rng, (uint64_t)i);
		use_short_writes(&b, i % 3 == 0 ? 1 : i % 3 == 1 ? 12 : n + head);
		send_message(&b, str_mk(text, head), kinds[i % 3],
			     str_mk(text + 50, n < sizeof(text) - 50 ? n : sizeof(text) - 50));
		expect_sent(&b, str_mk(text, head), kinds[i % 3],
			    str_mk(text + 50, n < sizeof(text) - 50 ? n : sizeof(text) - 50));
		teardown(&b);
	}
}

/* One message in one write: as a proxy's usual answer has to leave. */
static void one_write(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, MAX_HEAD);
	use_short_writes(&b, UINT64_MAX - 1);
	assert_int_equal(h1_stream_send_head(&b.s, STR("HEAD"), H1_BODY_CHUNKED, 0, STR("0123456789abcdefg"), true),
			 17);
	assert_int_equal(h1_stream_finish(&b.s, (struct str){ 0 }), 0);
	assert_true(str_eq(buf_view(&b.sent), STR("HEAD11\r\n0123456789abcdefg\r\n0\r\n\r\n")));
	teardown(&b);
}

static void more_than_promised(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, MAX_HEAD);
	use_short_writes(&b, UINT64_MAX - 1);
	assert_int_equal(h1_stream_send_head(&b.s, STR("H"), H1_BODY_LENGTH, 3, STR("abcdef"), false), 3);
	assert_int_equal(h1_stream_send(&b.s, STR("def"), false), -EMSGSIZE);
	assert_true(str_eq(buf_view(&b.sent), STR("Habc")));
	teardown(&b);
}

/* A real socket that takes little at a time and a peer that reads less. */
static void slow_peer(void **state)
{
	static char text[300000], got[400000];
	int small = 1;
	struct bench b;
	struct h1_decoded d;
	size_t have = 0, at;
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = content_at(i);
	setup(&b, MAX_HEAD);
	assert_int_equal(setsockopt(b.s.conn.watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	ssize_t n =
		h1_stream_send_head(&b.s, str_mk(text, 20000), H1_BODY_CHUNKED, 0, str_mk(text, sizeof(text)), true);
	assert_true(n >= 0 && n < (ssize_t)sizeof(text));
	at = (size_t)n;
	while (n == -EAGAIN || at < sizeof(text)) {
		n = at < sizeof(text) ? h1_stream_send(&b.s, str_mk(text + at, sizeof(text) - at), true)
				      : h1_stream_finish(&b.s, (struct str){ 0 });
		if (n == -EAGAIN) {
			ssize_t r = read(b.peer, got + have, 777);
			assert_true(r > 0);
			have += (size_t)r;
			loop_once(&b.loop, 0);
			continue;
		}
		assert_true(n >= 0);
		at += at < sizeof(text) ? (size_t)n : 0;
	}
	while ((n = h1_stream_finish(&b.s, (struct str){ 0 })) == -EAGAIN || n == 0) {
		ssize_t r = read(b.peer, got + have, sizeof(got) - have);
		if (r < 0 && n == 0)
			break;
		have += r > 0 ? (size_t)r : 0;
		loop_once(&b.loop, 0);
	}
	assert_memory_equal(got, text, 20000);
	h1_decode(H1_BODY_CHUNKED, 0, got + 20000, have - 20000, SIZE_MAX, SIZE_MAX, &d);
	assert_true(d.done && d.consumed == have - 20000 && d.content.n == sizeof(text));
	assert_memory_equal(d.content.p, text, sizeof(text));
	buf_free(&d.content);
	teardown(&b);
}

static void peer_gone(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, MAX_HEAD);
	mem_closep(&b.peer);
	loop_once(&b.loop, 0);
	assert_true(b.s.conn.hangup);
	assert_true(h1_stream_send_head(&b.s, STR("H"), H1_BODY_NONE, 0, (struct str){ 0 }, false) < 0);
	assert_int_equal(h1_stream_fill(&b.s), 0);
	assert_true(b.s.rx_eof);
	assert_int_equal(h1_stream_fill(&b.s), 0);
	h1_stream_reset(&b.s);
	teardown(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_in_pieces), cmocka_unit_test(head_sizes),
		cmocka_unit_test(bad_heads),	  cmocka_unit_test(bodies),
		cmocka_unit_test(ends_of_bodies), cmocka_unit_test(pipelined),
		cmocka_unit_test(small_again),	  cmocka_unit_test(short_writes),
		cmocka_unit_test(one_write),	  cmocka_unit_test(more_than_promised),
		cmocka_unit_test(slow_peer),	  cmocka_unit_test(peer_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
