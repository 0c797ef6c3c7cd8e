/* Exchanges that go wrong, on either side and in every phase: what the client is told, what is retried, and that
 * nothing is left behind. */
#include "proxy/exchange.h"

static struct message_text m;

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void begin(struct exchange *x)
{
	exchange_init(x);
	exchange_start(x);
}

/* One good exchange, which leaves a connection in the pool. */
static void warm_up(struct exchange *x, struct peer *c, struct peer *s)
{
	*c = client_connect(x);
	peer_say(c, GET);
	*s = origin_accept(x);
	expect_request(s, "GET ", "", &m);
	peer_say(s, OK_2);
	expect_response(c, 200, "ok", &m);
	exchange_settles(x, 1, 1);
}

/* --- requests that are refused
 * ------------------------------------------------------------------------------------------------------------ */

static void refused_requests(void **state)
{
	static const struct {
		const char *request;
		int status;
		enum reason reason;
	} cases[] = {
		{ "nonsense\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "\x16\x03\x01\x02", 400, REASON_BAD_REQUEST },
		{ "GET / HTTP/1.1\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		  REASON_BAD_REQUEST },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400,
		  REASON_BAD_REQUEST },
		{ "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400, REASON_BAD_REQUEST },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
		  REASON_NOT_IMPLEMENTED },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501, REASON_NOT_IMPLEMENTED },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, REASON_BAD_VERSION },
		{ "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, REASON_BAD_VERSION },
	};
	struct exchange x;
	(void)state;
	begin(&x);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer c = client_connect(&x);
		peer_say(&c, cases[i].request);
		assert_true(peer_try_message(&c, false, false, &m));
		if (m.status != cases[i].status)
			fail_msg("%s -> %d", cases[i].request, m.status);
		buf_free(&m.body);
		assert_int_equal(exchange_last(&x, i + 1)->reason, cases[i].reason);
		peer_close(&c);
		exchange_settles(&x, 0, 0);
	}
	exchange_end(&x);
}

static void refused_heads_end_the_connection(void **state)
{
	struct exchange x;
	(void)state;
	begin(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "GET / HTTP/1.1\r\nHost : a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_response(&c, 400, "Bad Request", &m);
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&c, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	assert_int_equal(atomic_load(&x.nrecords), 1);
	exchange_end(&x);
}

static void head_too_large(void **state)
{
	static char text[70000];
	struct exchange x;
	(void)state;
	begin(&x);
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
	for (int endless = 0; endless < 2; endless++) {
		struct peer c = client_connect(&x);
		memcpy(text + sizeof(text) - 4, endless ? "xxxx" : "\r\n\r\n", 4);
		peer_send(&c, text, sizeof(text));
		expect_response(&c, 431, "Request Header Fields Too Large", &m);
		expect_end(&c, CLEAN); /* and no reset, though we did not read it all */
		peer_close(&c);
		exchange_settles(&x, 0, 0);
		assert_int_equal(exchange_last(&x, (unsigned)endless + 1)->reason, REASON_HEAD_TOO_LARGE);
	}
	exchange_end(&x);
}

static void slow_head(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.read_ns = 30 * NS_PER_MS;
	exchange_start(&x);
	struct peer c = client_connect(&x), silent = client_connect(&x);
	peer_say(&c, "GET / HTTP/1.1\r\nHo");
	expect_response(&c, 408, "Request Timeout", &m);
	expect_end(&c, CLEAN);
	expect_end(&silent, CLEAN); /* said nothing, is told nothing */
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_HEAD_TIMEOUT);
	peer_close(&c);
	peer_close(&silent);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

static void slow_body(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.read_ns = 30 * NS_PER_MS;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
	struct peer s = origin_accept(&x);
	expect_response(&c, 408, "Request Timeout", &m);
	assert_false(peer_try_message(&s, true, false, &m));
	buf_free(&m.body);
	expect_end(&c, CLEAN);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_BODY_TIMEOUT);
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

static void idle_clients_go(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.idle_ns = 30 * NS_PER_MS;
	exchange_start(&x);
	c = client_connect(&x);
	peer_say(&c, GET);
	s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	expect_end(&c, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 1);
	peer_close(&s);
	exchange_end(&x);
}

static void bad_body(void **state)
{
	struct exchange x;
	(void)state;
	begin(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	struct peer s = origin_accept(&x);
	peer_say(&c, "-1\r\n");
	expect_response(&c, 400, "Bad Request", &m);
	assert_false(peer_try_message(&s, true, false, &m)); /* the server must not take it for whole */
	assert_true(str_starts(buf_view(&m.body), STR("abc")));
	buf_free(&m.body);
	expect_end(&c, CLEAN);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_BAD_BODY);
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* --- servers that are not there
 * ------------------------------------------------------------------------------------------------------------ */

static void nobody_listens(void **state)
{
	struct exchange x;
	(void)state;
	begin(&x);
	mem_closep(&x.origin);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	expect_response(&c, 502, "Bad Gateway", &m);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_DIAL_FAILED);
	atomic_store(&x.target->up, false);
	peer_say(&c, GET); /* the connection is none the worse */
	expect_response(&c, 503, "no available server\n", &m);
	expect_has(&m, "\r\nX-Content-Type-Options: nosniff\r\n");
	assert_int_equal(exchange_last(&x, 2)->reason, REASON_NO_SERVER);
	exchange_settles(&x, 1, 0);
	peer_say(&c, POST); /* a body that nobody wants is dropped */
	expect_response(&c, 503, "no available server\n", &m);
	exchange_settles(&x, 1, 0);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"); /* what is still to come of it is not
										      waited for */
	expect_response(&c, 503, "no available server\n", &m);
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&c, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* The pooled connection turns out to be dead once the request is on it. */
static void stale_connection(void **state)
{
	static const struct {
		const char *request, *line, *body;
		bool reset, again;
	} cases[] = {
		{ GET, "GET ", "", false, true },
		{ GET, "GET ", "", true, true },
		{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD ", "", false, true },
		{ "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE ", "", true, true },
		{ POST, "POST ", "body", false, false },
		{ POST, "POST ", "body", true, false },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST ", "", false, false },
		{ "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "PUT ", "body", false, false },
		{ "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", "PATCH ", "", false, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange x;
		struct peer c, s;
		begin(&x);
		warm_up(&x, &c, &s);
		peer_say(&c, cases[i].request);
		expect_request(&s, cases[i].line, cases[i].body, &m);
		if (cases[i].reset)
			peer_reset(&s);
		else
			peer_close(&s);
		if (cases[i].again) {
			struct peer next = origin_accept(&x);
			expect_request(&next, cases[i].line, cases[i].body, &m);
			peer_close(&next); /* a fresh one that ends is not tried again */
		}
		expect_response(&c, 502, strncmp(cases[i].line, "HEAD", 4) ? "Bad Gateway" : NULL, &m);
		enum reason why = exchange_last(&x, 2)->reason;
		assert_true(why == REASON_SERVER_CLOSED || why == REASON_SERVER_RESET);
		exchange_settles(&x, 1, 0);
		/* The next one is served as ever. */
		peer_say(&c, GET);
		s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, OK_2);
		expect_response(&c, 200, "ok", &m);
		exchange_settles(&x, 1, 1);
		peer_close(&c);
		peer_close(&s);
		exchange_settles(&x, 0, 0);
		exchange_end(&x);
	}
}

static void retried_once_and_served(void **state)
{
	struct exchange x;
	struct peer c, s;
	(void)state;
	begin(&x);
	warm_up(&x, &c, &s);
	peer_say(&c, GET);
	expect_request(&s, "GET ", "", &m);
	peer_close(&s);
	s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	assert_int_equal(exchange_last(&x, 2)->reason, REASON_NONE);
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* --- servers that misbehave
 * ----------------------------------------------------------------------------------------------------------------- */

static void garbage(void **state)
{
	static const char *const answers[] = {
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
		"\r\n\r\n",
	};
	struct exchange x;
	(void)state;
	begin(&x);
	struct peer c = client_connect(&x);
	for (unsigned i = 0; i < ARRAY_LEN(answers); i++) {
		peer_say(&c, GET);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, answers[i]);
		expect_response(&c, 502, "Bad Gateway", &m);
		assert_int_equal(exchange_last(&x, i + 1)->reason, REASON_BAD_RESPONSE);
		exchange_settles(&x, 1, 0);
		peer_close(&s);
	}
	/* Half a head and the end; a head without end. */
	for (unsigned i = 0; i < 2; i++) {
		static char endless[80000];
		peer_say(&c, GET);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, "HTTP/1.1 200 OK\r\nX: ");
		memset(endless, 'x', sizeof(endless));
		if (i)
			(void)!send(s.fd, endless, sizeof(endless), MSG_NOSIGNAL);
		else
			shutdown(s.fd, SHUT_WR);
		expect_response(&c, 502, "Bad Gateway", &m);
		exchange_settles(&x, 1, 0);
		peer_close(&s);
	}
	peer_close(&c);
	exchange_end(&x);
}

/* More than was announced: the surplus reaches nobody, and the connection is not used again. */
static void too_much(void **state)
{
	struct exchange x;
	(void)state;
	begin(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2 OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 0);
	assert_int_equal(peer_pending(&c).n, 0);
	peer_close(&c);
	peer_close(&s);
	exchange_end(&x);
}

/* The client must not take half an answer for a whole one. */
static void cut_short(void **state)
{
	static const struct {
		const char *request, *answer;
		bool reset;
	} cases[] = {
		{ GET, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false },
		{ GET, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", false },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", true },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", false },
		{ GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n-1\r\n", false },
		{ GET, "HTTP/1.1 200 OK\r\n\r\nhalf", true },
		{ "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		  false },
		{ "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhalf", true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange x;
		begin(&x);
		struct peer c = client_connect(&x);
		peer_say(&c, cases[i].request);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, cases[i].answer);
		while (!peer_pending(&c).n || !memmem(c.in.p, c.in.n, "half", 4))
			assert_true(peer_fill(&c) > 0);
		if (cases[i].reset)
			peer_reset(&s);
		else
			peer_close(&s);
		if (peer_try_message(&c, false, false, &m))
			fail_msg("%s: taken for whole", cases[i].answer);
		buf_free(&m.body);
		assert_int_equal(peer_fill(&c) <= 0, true);
		exchange_settles(&x, 0, 0);
		assert_int_equal(exchange_last(&x, 1)->reason, REASON_RESPONSE_CUT);
		peer_close(&c);
		exchange_end(&x);
	}
}

/* --- clients that leave
 * ----------------------------------------------------------------------------------------------------------------------
 */

enum leave { BEFORE_HEAD, BEFORE_ANSWER, IN_BODY, IN_REQUEST_BODY, NLEAVES };

static void client_leaves(void **state)
{
	static char much[200000];
	(void)state;
	for (int when = BEFORE_HEAD; when < NLEAVES; when++)
		for (int hard = 0; hard < 2; hard++) {
			struct exchange x;
			struct peer s = { .fd = -1 };
			begin(&x);
			struct peer c = client_connect(&x);
			peer_say(&c, when == BEFORE_HEAD ? "GET / HT"
				     : when == IN_REQUEST_BODY
					     ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"
					     : GET);
			if (when != BEFORE_HEAD) {
				struct head h;
				s = origin_accept(&x);
				assert_true(peer_head(&s, true, &m, &h));
			}
			if (when == IN_BODY) {
				peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
				assert_true(send(s.fd, much, sizeof(much), MSG_NOSIGNAL) > 0);
				assert_true(peer_fill(&c) > 0);
			}
			if (hard)
				peer_reset(&c);
			else
				peer_close(&c);
			if (when == IN_BODY) /* a close with unread data is a reset; else the next write meets one */
				(void)!send(s.fd, much, sizeof(much), MSG_NOSIGNAL);
			if (when != BEFORE_HEAD)
				expect_gone(&s);
			exchange_settles(&x, 0, 0);
			if (when != BEFORE_HEAD)
				assert_int_equal(exchange_last(&x, 1)->reason, REASON_CLIENT_GONE);
			else
				assert_int_equal(atomic_load(&x.nrecords), 0);
			if (when != BEFORE_HEAD)
				peer_close(&s);
			exchange_end(&x);
		}
}

/* A client that reads nothing holds a bounded amount of memory, and what it left unread ends with it. */
static void client_reads_nothing(void **state)
{
	static char much[1 << 20];
	struct exchange x;
	ssize_t n;
	(void)state;
	begin(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
	struct pollfd f = { .fd = s.fd, .events = POLLOUT };
	do
		n = send(s.fd, much, sizeof(much), MSG_NOSIGNAL);
	while (n > 0 || poll(&f, 1, 100) == 1);
	struct probe p;
	exchange_probe(&x, &p);
	assert_true(p.blocks <= 4);
	peer_reset(&c);
	expect_gone(&s);
	exchange_settles(&x, 0, 0);
	peer_close(&s);
	exchange_end(&x);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_requests),
		cmocka_unit_test(refused_heads_end_the_connection),
		cmocka_unit_test(head_too_large),
		cmocka_unit_test(slow_head),
		cmocka_unit_test(slow_body),
		cmocka_unit_test(idle_clients_go),
		cmocka_unit_test(bad_body),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(stale_connection),
		cmocka_unit_test(retried_once_and_served),
		cmocka_unit_test(garbage),
		cmocka_unit_test(too_much),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(client_leaves),
		cmocka_unit_test(client_reads_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
