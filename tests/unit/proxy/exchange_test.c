/* Exchanges that work: what reaches the server, what reaches the client, and which connections go on. */
#include "proxy/exchange.h"

static struct message_text m;

#define GET  "GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void keep_alive(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x), s;
	for (int i = 0; i < 3; i++) {
		peer_say(&c, GET);
		if (i == 0)
			s = origin_accept(&x);
		expect_request(&s, "GET /x?y=1 HTTP/1.1\r\n", "", &m);
		expect_has(&m, "\r\nHost: a.test\r\n");
		expect_has(&m, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
		expect_has(&m, "\r\nX-Forwarded-Host: a.test\r\n");
		expect_has(&m, "\r\nX-Forwarded-Port: 80\r\n");
		expect_has(&m, "\r\nX-Forwarded-Proto: http\r\n");
		expect_has(&m, "\r\nX-Forwarded-Server: balancer\r\n");
		expect_has(&m, "\r\nX-Real-Ip: 127.0.0.1\r\n");
		expect_has_not(&m, "\r\nConnection:");
		expect_has_not(&m, "\r\nContent-Length:");
		peer_say(&s, "HTTP/1.1 200 Fine\r\nServer: o\r\nContent-Length: 2\r\nConnection: "
			     "keep-alive\r\nKeep-Alive: 5\r\n\r\nok");
		expect_response(&c, 200, "ok", &m);
		assert_true(str_starts(str_of(m.head), STR("HTTP/1.1 200 Fine\r\nServer: o\r\n")));
		expect_has_not(&m, "\r\nConnection:");
		expect_has_not(&m, "\r\nKeep-Alive:");
		exchange_settles(&x, 1, 1);
		assert_int_equal(exchange_last(&x, (unsigned)i + 1)->status, 200);
		assert_int_equal(x.records[i].response_bytes, 2);
	}
	peer_close(&c);
	exchange_settles(&x, 0, 1);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
	assert_int_equal(atomic_load(&x.released), 1);
}

static void pipelining(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
		     "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\r\nGET /4 "
		     "HTTP/1.1\r\nHost: a\r\n\r\n"
		     "GET /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n");
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET /1 ", "", &m);
	peer_say(&s, OK_2);
	expect_request(&s, "POST /2 ", "body", &m);
	peer_say(&s, OK_2);
	expect_request(&s, "POST /3 ", "abc", &m);
	peer_say(&s, OK_2);
	expect_request(&s, "GET /4 ", "", &m);
	peer_say(&s, OK_2);
	expect_request(&s, "GET /5 ", "", &m);
	peer_say(&s, OK_2);
	for (int i = 0; i < 5; i++)
		expect_response(&c, 200, "ok", &m);
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&c, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 1);
	assert_int_equal(atomic_load(&x.nrecords), 5);
	peer_close(&s);
	exchange_end(&x);
}

static void answers_without_body(void **state)
{
	static const struct {
		const char *request, *answer;
		int status;
		const char *has, *has_not;
	} cases[] = {
		{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200,
		  "\r\nContent-Length: 1000\r\n", "chunked" },
		{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200,
		  "200", "Content-Length" },
		{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 200, "200", "Content-Length" },
		{ GET, "HTTP/1.1 204 No Content\r\n\r\n", 204, "204", "Content-Length" },
		{ GET, "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 77\r\n\r\n", 304, "\r\nETag: x\r\n",
		  "chunked" },
		{ GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "\r\nContent-Length: 0\r\n", "chunked" },
	};
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x), s = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		peer_say(&c, cases[i].request);
		if (i == 0)
			s = origin_accept(&x);
		expect_request(&s, "", "", &m);
		peer_say(&s, cases[i].answer);
		expect_response(&c, cases[i].status, NULL, &m);
		expect_has(&m, cases[i].has);
		expect_has_not(&m, cases[i].has_not);
		exchange_settles(&x, 1, 1); /* nothing of a body is expected on either side */
	}
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

static void framings(void **state)
{
	static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: "
				      "T\r\n\r\n3;x\r\nabc\r\n4\r\ndefg\r\n0\r\nT: 1\r\n\r\n";
	static const struct {
		const char *request, *answer, *body;
		bool server_closes, chunked, stays;
	} cases[] = {
		{ GET, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg", "abcdefg", false, false, true },
		{ GET, chunked, "abcdefg", false, true, true },
		{ GET, "HTTP/1.1 200 OK\r\n\r\nabcdefg", "abcdefg", true, true, true },
		{ GET, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "", true, true, true },
		{ GET, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", true, false, true },
		{ "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg", "abcdefg", false,
		  false, false },
		{ "GET / HTTP/1.0\r\n\r\n", chunked, "abcdefg", false, false, false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", chunked, "abcdefg", false, false, false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		  "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg", "abcdefg", false, false, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", chunked, "abcdefg", false, true, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange x;
		exchange_init(&x);
		exchange_start(&x);
		struct peer c = client_connect(&x);
		peer_say(&c, cases[i].request);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, cases[i].answer);
		if (cases[i].server_closes)
			peer_close(&s);
		expect_response(&c, 200, cases[i].body, &m);
		assert_int_equal(m.chunked, cases[i].chunked);
		expect_has_not(&m, "Trailer");
		if (!cases[i].stays)
			expect_has(&m, "\r\nConnection: close\r\n");
		else if (strstr(cases[i].request, "1.0"))
			expect_has(&m, "\r\nConnection: keep-alive\r\n");
		exchange_settles(&x, 1, cases[i].server_closes ? 0 : 1);
		if (!cases[i].stays)
			expect_end(&c, CLEAN);
		peer_close(&c);
		exchange_settles(&x, 0, cases[i].server_closes ? 0 : 1);
		if (!cases[i].server_closes)
			peer_close(&s);
		exchange_end(&x);
	}
}

/* Every cut of a chunked request and of a chunked answer. */
static void in_two_pieces(void **state)
{
	static const char request[] =
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
	struct exchange x;
	unsigned n = 0;
	(void)state;
	exchange_init(&x);
	x.engine.nloggers = 0; /* more requests than records */
	exchange_start(&x);
	struct peer c = client_connect(&x), s = { 0 };
	for (size_t cut = 1; cut < sizeof(request) - 1; cut++, n++) {
		size_t other = cut < sizeof(answer) - 1 ? cut : 1;
		struct probe p;
		peer_send(&c, request, cut);
		exchange_probe(&x, &p); /* the first piece is in before the second leaves */
		peer_send(&c, request + cut, sizeof(request) - 1 - cut);
		if (n == 0)
			s = origin_accept(&x);
		expect_request(&s, "POST / ", "abcde", &m);
		expect_has(&m, "\r\nTransfer-Encoding: chunked\r\n");
		peer_send(&s, answer, other);
		exchange_probe(&x, &p);
		peer_send(&s, answer + other, sizeof(answer) - 1 - other);
		expect_response(&c, 200, "abc", &m);
		exchange_settles(&x, 1, 1);
	}
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* --- large bodies
 * --------------------------------------------------------------------------------------------------------------------------
 */

#define LARGE (3u << 20)

/* Sends what fits without waiting. */
static size_t push(struct peer *p, const char *text, size_t n)
{
	ssize_t k = send(p->fd, text, n < 100000 ? n : 100000, MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_true(k >= 0 || errno == EAGAIN);
	return k > 0 ? (size_t)k : 0;
}

static void pull(struct peer *p)
{
	struct pollfd f = { .fd = p->fd, .events = POLLIN };
	if (poll(&f, 1, 0) == 1)
		assert_true(peer_fill(p) > 0);
}

/* `from` sends text, `to` reads until it has `n` more bytes than before; both in small steps. */
static void carry(struct peer *from, struct peer *to, const struct buf *text, size_t n)
{
	uint64_t deadline = clock_mono_ns() + DEADLINE_MS * 4 * NS_PER_MS;
	size_t sent = 0, want = to->used + n;
	while (sent < text->n || to->in.n < want) {
		if (sent < text->n)
			sent += push(from, text->p + sent, text->n - sent);
		pull(to);
		assert_true(clock_mono_ns() < deadline);
	}
}

static void make_large(struct buf *b, const char *head, bool chunked)
{
	buf_init(b, 0);
	buf_puts(b, head);
	for (size_t i = 0, n; i < LARGE; i += n) {
		char some[60000];
		n = 1 + i * 13 % sizeof(some);
		n = LARGE - i < n ? LARGE - i : n;
		for (size_t k = 0; k < n; k++)
			some[k] = exchange_byte(i + k);
		if (chunked)
			buf_printf(b, "%zx\r\n", n);
		buf_add(b, some, n);
		buf_puts(b, chunked ? "\r\n" : "");
	}
	buf_puts(b, chunked ? "0\r\n\r\n" : "");
}

static void expect_large(struct peer *p, bool request)
{
	assert_true(peer_try_message(p, request, false, &m));
	assert_int_equal(m.body.n, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (m.body.p[i] != exchange_byte(i))
			fail_msg("byte %zu differs", i);
	buf_free(&m.body);
}

static void large_bodies(void **state)
{
	static const char *const requests[] = {
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3145728\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
	};
	(void)state;
	for (int up = 0; up < 2; up++)
		for (int down = 0; down < 3; down++) {
			struct exchange x;
			struct buf request, answer;
			exchange_init(&x);
			exchange_start(&x);
			make_large(&request, requests[up], up == 1);
			make_large(&answer, answers[down], down == 1);
			struct peer c = client_connect(&x);
			peer_send(&c, request.p, 100);
			struct peer s = origin_accept(&x);
			struct buf rest = request;
			rest.p += 100;
			rest.n -= 100;
			carry(&c, &s, &rest, LARGE);
			expect_large(&s, true);
			carry(&s, &c, &answer, LARGE);
			if (down == 2)
				peer_close(&s);
			expect_large(&c, false);
			exchange_settles(&x, 1, down == 2 ? 0 : 1);
			assert_int_equal(exchange_last(&x, 1)->request_bytes, LARGE);
			assert_int_equal(x.records[0].response_bytes, LARGE);
			peer_close(&c);
			if (down != 2)
				peer_close(&s);
			buf_free(&request);
			buf_free(&answer);
			exchange_settles(&x, 0, 0);
			exchange_end(&x);
		}
}

/* --- 100-continue, heads
 * --------------------------------------------------------------------------------------------------------------------
 */

static void expect_continue(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	struct peer s = origin_accept(&x);
	struct head h;
	assert_true(peer_head(&s, true, &m, &h));
	assert_true(h.expect_continue);
	peer_say(&s, "HTTP/1.1 100 Continue\r\n\r\n");
	expect_response(&c, 100, NULL, &m);
	peer_say(&c, "body");
	struct buf body;
	buf_init(&body, 0);
	assert_true(peer_body(&s, H1_BODY_LENGTH, 4, &body));
	buf_free(&body);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	expect_has_not(&m, "Connection: close");
	exchange_settles(&x, 1, 1);
	/* A server that says nothing before its answer, and a client that does not wait. */
	peer_say(&c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
	expect_request(&s, "PUT / ", "body", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	peer_close(&c);
	peer_close(&s);
	exchange_end(&x);
}

static void heads_on_their_way(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	/* What belongs to one hop ends here, however many lines name it; what only a trusted peer may say is replaced.
	 */
	peer_say(&c, "GET http://other.test:8080/a/../b?c;d HTTP/1.1\r\nHost: a.test\r\nConnection: X-One\r\nX-One: "
		     "1\r\nConnection: x-two, close-not\r\n"
		     "X-Two: 2\r\nConnection: keep-alive\r\nX-Three: 3\r\nKeep-Alive: 9\r\nProxy-Connection: x\r\nTe: "
		     "trailers, gzip\r\n"
		     "Upgrade: h2c\r\nProxy-Authorization: p\r\nX-Forwarded-For: 9.9.9.9\r\nX-Real-Ip: "
		     "9.9.9.9\r\nX_Forwarded_Proto: https\r\n"
		     "X-Forwarded-Prefix: /evil\r\nCookie: k=v\r\n\r\n");
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET /b?c&d HTTP/1.1\r\nHost: other.test:8080\r\n", "", &m);
	expect_has(&m, "\r\nX-Three: 3\r\n");
	expect_has(&m, "\r\nTe: trailers\r\nConnection: TE\r\n");
	expect_has(&m, "\r\nCookie: k=v\r\n");
	expect_has(&m, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
	expect_has(&m, "\r\nX-Forwarded-Port: 8080\r\n");
	static const char *const gone[] = { "X-One", "X-Two",	"Keep-Alive", "Proxy-", "Upgrade",
					    "gzip",  "9.9.9.9", "https",      "evil",	"a.test" };
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		expect_has_not(&m, gone[i]);
	peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nConnection: "
		     "keep-alive\r\nX-End: 2\r\nProxy-Authenticate: x\r\n\r\nok");
	expect_response(&c, 200, "ok", &m);
	expect_has(&m, "\r\nX-End: 2\r\n");
	expect_has_not(&m, "X-Hop");
	exchange_settles(&x, 1, 1);
	peer_close(&c);
	peer_close(&s);
	exchange_end(&x);
}

static void trusted_peer(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.forwarded.insecure = true;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "GET / HTTP/1.0\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: "
		     "https\r\nX-Real-Ip: 1.1.1.1\r\n\r\n");
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET / HTTP/1.1\r\nHost: \r\n", "", &m); /* none was sent */
	expect_has(&m, "\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 127.0.0.1\r\n");
	expect_has(&m, "\r\nX-Forwarded-Proto: https\r\n");
	expect_has(&m, "\r\nX-Real-Ip: 1.1.1.1\r\n");
	expect_has_not(&m, "X-Forwarded-Host");
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	expect_end(&c, CLEAN);
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* The largest heads that are allowed, both ways. */
static void large_heads(void **state)
{
	struct exchange x;
	struct buf text;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	buf_init(&text, 0);
	buf_puts(&text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	while (text.n < 65536 - 4)
		buf_char(&text, 'x');
	buf_puts(&text, "\r\n\r\n");
	struct peer c = client_connect(&x);
	peer_send(&c, text.p, text.n);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET / ", "", &m);
	buf_reset(&text);
	buf_puts(&text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ");
	while (text.n < 65536 - 4)
		buf_char(&text, 'x');
	buf_puts(&text, "\r\n\r\nok");
	peer_send(&s, text.p, text.n);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	peer_close(&c);
	peer_close(&s);
	buf_free(&text);
	exchange_end(&x);
}

/* --- life of connections and configurations
 * --------------------------------------------------------------------------------------------- */

static void keep_alive_limits(void **state)
{
	struct exchange x;
	struct peer s = { 0 };
	(void)state;
	exchange_init(&x);
	x.conf.transport.keep_alive_max_requests = 2;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	for (int i = 0; i < 2; i++) {
		peer_say(&c, GET);
		if (i == 0)
			s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, OK_2);
		expect_response(&c, 200, "ok", &m);
		assert_int_equal(strstr(m.head, "Connection: close") != NULL, i == 1);
	}
	expect_end(&c, CLEAN);
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* A request ends under the configuration it began with, which lives exactly as long. */
static void reload_meanwhile(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	engine_publish(&x.engine, exchange_snapshot(&x, "Host(`other.test`)", NULL, 0));
	assert_int_equal(atomic_load(&x.released), 0);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	assert_int_equal(atomic_load(&x.released), 1);
	peer_say(&c, GET);
	expect_response(&c, 404, "404 page not found\n", &m);
	assert_int_equal(exchange_last(&x, 2)->reason, REASON_NO_ROUTE);
	/* Replaced while nothing is under way, it goes at once, and unwanted servers' connections with it. */
	atomic_store(&x.target->retired, true);
	engine_publish(&x.engine, exchange_snapshot(&x, "PathPrefix(`/`)", NULL, 0));
	exchange_settles(&x, 1, 0);
	assert_int_equal(atomic_load(&x.released), 2);
	expect_end(&s, CLEAN);
	peer_close(&c);
	peer_close(&s);
	exchange_end(&x);
	assert_int_equal(atomic_load(&x.released), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_alive),		cmocka_unit_test(pipelining),
		cmocka_unit_test(answers_without_body), cmocka_unit_test(framings),
		cmocka_unit_test(in_two_pieces),	cmocka_unit_test(large_bodies),
		cmocka_unit_test(expect_continue),	cmocka_unit_test(heads_on_their_way),
		cmocka_unit_test(trusted_peer),		cmocka_unit_test(large_heads),
		cmocka_unit_test(keep_alive_limits),	cmocka_unit_test(reload_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
