/* Upgrades: which are passed on and believed, what a tunnel does with bytes, ends, resets and silence, and what it
 * holds while nothing moves. */
#include "proxy/exchange.h"

static struct message_text m;

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define GET	"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define AGREED	"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nX: 1\r\n\r\n"

static void begin(struct exchange *x, struct peer *c, struct peer *s)
{
	exchange_init(x);
	exchange_start(x);
	*c = client_connect(x);
	peer_say(c, UPGRADE);
	*s = origin_accept(x);
	expect_request(s, "GET /ws ", "", &m);
}

static void begin_tunnel(struct exchange *x, struct peer *c, struct peer *s)
{
	begin(x, c, s);
	peer_say(s, AGREED);
	expect_response(c, 101, NULL, &m);
}

static void end(struct exchange *x, struct peer *c, struct peer *s)
{
	peer_close(c);
	peer_close(s);
	exchange_settles(x, 0, 0);
	exchange_end(x);
}

/* Exactly this comes next. */
static void expect_bytes(struct peer *p, const char *text)
{
	size_t n = strlen(text);
	while (peer_pending(p).n < n)
		assert_true(peer_fill(p) > 0);
	assert_memory_equal(peer_pending(p).p, text, n);
	p->used += n;
}

static void bytes_both_ways(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	begin(&x, &c, &s);
	expect_has(&m, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
	peer_say(&c, "early"); /* what follows the request is for the tunnel, if there will be one */
	peer_say(&s, AGREED "hello");
	expect_response(&c, 101, NULL, &m);
	assert_true(str_starts(str_of(m.head), STR("HTTP/1.1 101 Switching Protocols\r\n")));
	expect_has(&m, "\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n");
	expect_has(&m, "\r\nX: 1\r\n");
	expect_has_not(&m, "\r\nConnection: close");
	expect_bytes(&c, "hello");
	expect_bytes(&s, "early");
	peer_say(&c, "\r\n\r\nGET");
	expect_bytes(&s, "\r\n\r\nGET");
	peer_say(&s, "pong");
	expect_bytes(&c, "pong");
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0); /* half of it ends, */
	expect_end(&s, CLEAN);
	peer_say(&s, "last words"); /* the other half goes on */
	expect_bytes(&c, "last words");
	assert_int_equal(shutdown(s.fd, SHUT_WR), 0);
	expect_end(&c, CLEAN);
	exchange_settles(&x, 0, 0);
	const struct record *r = exchange_last(&x, 1);
	assert_int_equal(r->status, 101);
	assert_int_equal(r->reason, REASON_NONE);
	assert_int_equal(r->request_bytes, 12);
	assert_int_equal(r->response_bytes, 19);
	end(&x, &c, &s);
}

static void the_server_may_end_first(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	begin_tunnel(&x, &c, &s);
	peer_say(&s, "bye");
	assert_int_equal(shutdown(s.fd, SHUT_WR), 0);
	expect_bytes(&c, "bye");
	expect_end(&c, CLEAN);
	peer_say(&c, "and you");
	expect_bytes(&s, "and you");
	peer_close(&c);
	expect_end(&s, CLEAN);
	exchange_settles(&x, 0, 0);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_NONE);
	end(&x, &c, &s);
}

/* A server that does not want to: an ordinary answer, and both connections go on. */
static void refused_by_the_server(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	begin(&x, &c, &s);
	peer_say(&s, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: upgrade\r\nContent-Length: "
		     "2\r\n\r\nno");
	expect_response(&c, 426, "no", &m);
	exchange_settles(&x, 1, 1);
	peer_say(&c, GET);
	expect_request(&s, "GET / ", "", &m);
	expect_has_not(&m, "\r\nUpgrade:");
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	end(&x, &c, &s);
}

/* 101 is no answer to a request that did not offer that. */
static void unasked_101(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ GET, AGREED },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", AGREED },
		{ "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", AGREED },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
		  "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket, H2C\r\n\r\n", AGREED },
		{ UPGRADE, "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n" },
		{ UPGRADE, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n" },
		{ UPGRADE, "HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n" },
		{ UPGRADE, "HTTP/1.0 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
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
		if (strcmp(cases[i].request, UPGRADE) != 0)
			expect_has_not(&m, "Upgrade");
		peer_say(&s, cases[i].answer);
		expect_response(&c, 502, "Bad Gateway", &m);
		assert_int_equal(exchange_last(&x, 1)->reason, REASON_BAD_RESPONSE);
		end(&x, &c, &s);
	}
}

/* The protocol changes after the request, not in the middle of it. */
static void not_before_the_body(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbo");
	struct peer s = origin_accept(&x);
	peer_say(&s, "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	expect_response(&c, 502, "Bad Gateway", &m);
	end(&x, &c, &s);
}

static void after_the_body(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c,
		 "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbody+");
	struct peer s = origin_accept(&x);
	expect_request(&s, "POST ", "body", &m);
	peer_say(&s, "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	expect_response(&c, 101, NULL, &m);
	expect_bytes(&s, "+");
	end(&x, &c, &s);
}

/* Sends until nobody takes any more; returns how much that was. */
static size_t stuff(struct peer *p, size_t at)
{
	char some[8192];
	size_t sent = 0;
	for (;;) {
		for (size_t i = 0; i < sizeof(some); i++)
			some[i] = exchange_byte(at + sent + i);
		ssize_t n = send(p->fd, some, sizeof(some), MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		struct pollfd f = { .fd = p->fd, .events = POLLOUT };
		if (n < 0 && poll(&f, 1, 200) == 0)
			return sent;
	}
}

static void expect_stuff(struct peer *p, size_t n)
{
	size_t at = 0;
	while (at < n) {
		struct str s = peer_pending(p);
		for (size_t i = 0; i < s.n; i++, at++)
			if (s.p[i] != exchange_byte(at))
				fail_msg("byte %zu is another", at);
		buf_reset(&p->in);
		p->used = 0;
		if (at < n)
			assert_true(peer_fill(p) > 0);
	}
	assert_int_equal(at, n);
}

/* A side that does not read stops the other from being read, and holds one buffer's worth here. */
static void backpressure(void **state)
{
	struct exchange x;
	struct peer c, s;
	struct probe p;
	(void)state;
	begin_tunnel(&x, &c, &s);
	size_t up = stuff(&c, 0), down = stuff(&s, 0);
	exchange_probe(&x, &p);
	assert_true(p.blocks <= 3);
	expect_stuff(&s, up);
	expect_stuff(&c, down);
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	expect_end(&s, CLEAN);
	peer_close(&s);
	expect_end(&c, CLEAN);
	exchange_settles(&x, 0, 0);
	assert_int_equal(exchange_last(&x, 1)->request_bytes, up);
	assert_int_equal(x.records[0].response_bytes, down);
	end(&x, &c, &s);
}

static void resets_are_passed_on(void **state)
{
	for (int by_client = 0; by_client < 2; by_client++) {
		struct exchange x;
		struct peer c, s;
		(void)state;
		begin_tunnel(&x, &c, &s);
		peer_say(&c, "x");
		expect_bytes(&s, "x");
		peer_reset(by_client ? &c : &s);
		expect_end(by_client ? &s : &c, RESET);
		exchange_settles(&x, 0, 0);
		assert_int_equal(exchange_last(&x, 1)->reason, by_client ? REASON_CLIENT_GONE : REASON_TUNNEL_RESET);
		end(&x, &c, &s);
	}
}

static void silence_ends_it(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.transport.tunnel_idle_ns = 40 * NS_PER_MS;
	x.conf.transport.responding.read_ns = 20 * NS_PER_MS; /* these two are about requests */
	x.conf.transport.responding.write_ns = 30 * NS_PER_MS;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, UPGRADE);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, AGREED);
	expect_response(&c, 101, NULL, &m);
	uint64_t start = clock_mono_ns();
	for (int i = 0; i < 20; i++) { /* traffic either way keeps it */
		struct pollfd f = { .fd = s.fd, .events = POLLIN };
		assert_int_equal(poll(&f, 1, 5), 0);
		peer_say(&s, "x");
		expect_bytes(&c, "x");
	}
	assert_true(clock_mono_ns() - start > 80 * NS_PER_MS);
	expect_end(&c, CLEAN);
	expect_end(&s, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_TUNNEL_IDLE);
	assert_int_equal(x.records[0].status, 101);
	end(&x, &c, &s);
}

static void quiet_tunnels_hold_no_buffers(void **state)
{
	struct exchange x;
	struct peer c, s;
	struct probe p;
	(void)state;
	begin_tunnel(&x, &c, &s);
	peer_say(&c, "x");
	expect_bytes(&s, "x");
	exchange_probe(&x, &p);
	assert_int_equal(p.blocks, 1); /* the head, for the log line at the end */
	end(&x, &c, &s);
}

static void shutdown_waits_then_cuts(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	begin_tunnel(&x, &c, &s);
	exchange_stop(&x, 30 * NS_PER_MS);
	expect_gone(&c);
	expect_gone(&s);
	peer_close(&c);
	peer_close(&s);
	exchange_end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_both_ways),
		cmocka_unit_test(the_server_may_end_first),
		cmocka_unit_test(refused_by_the_server),
		cmocka_unit_test(unasked_101),
		cmocka_unit_test(not_before_the_body),
		cmocka_unit_test(after_the_body),
		cmocka_unit_test(backpressure),
		cmocka_unit_test(resets_are_passed_on),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(quiet_tunnels_hold_no_buffers),
		cmocka_unit_test(shutdown_waits_then_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
