/* What comes before and behind the ordinary: 1xx answers, expectations, answers before the end of the request, and
 * trailer fields. */
#include "proxy/exchange.h"

static struct message_text m;

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HINTS                                                                                                      \
	"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: " \
	"5\r\n\r\n"

static void begin(struct exchange *x, struct peer *c)
{
	exchange_init(x);
	exchange_start(x);
	*c = client_connect(x);
}

static void end(struct exchange *x, struct peer *c, struct peer *s)
{
	peer_close(c);
	peer_close(s);
	exchange_settles(x, 0, 0);
	exchange_end(x);
}

/* --- 1xx */

static void hints_are_passed_on(void **state)
{
	struct exchange x;
	struct peer c;
	(void)state;
	begin(&x, &c);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, HINTS);
	expect_response(&c, 103, NULL, &m);
	expect_has(&m, "\r\nLink: </a>; rel=preload\r\n");
	expect_has_not(&m, "X-Hop");
	expect_has_not(&m, "Connection");
	expect_has_not(&m, "Content-Length");
	peer_say(&s, "HTTP/1.1 102 Processing\r\n\r\n" HINTS OK_2);
	expect_response(&c, 102, NULL, &m);
	expect_response(&c, 103, NULL, &m);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	assert_int_equal(exchange_last(&x, 1)->status, 200);
	end(&x, &c, &s);
}

static void old_clients_get_no_1xx(void **state)
{
	struct exchange x;
	struct peer c;
	(void)state;
	begin(&x, &c);
	peer_say(&c, "GET / HTTP/1.0\r\n\r\n");
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET / HTTP/1.1\r\n", "", &m);
	peer_say(&s, HINTS "HTTP/1.1 100 Continue\r\n\r\n" OK_2);
	expect_response(&c, 200, "ok", &m);
	peer_close(&c);
	end(&x, &c, &s);
}

static void endless_hints(void **state)
{
	struct exchange x;
	struct peer c;
	int n = 0;
	(void)state;
	begin(&x, &c);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	for (int i = 0; i < 20; i++)
		(void)!send(s.fd, HINTS, sizeof(HINTS) - 1, MSG_NOSIGNAL);
	do {
		assert_true(peer_try_message(&c, false, n < 16, &m));
		n++;
		if (m.status == 103)
			buf_free(&m.body);
	} while (m.status == 103);
	buf_free(&m.body);
	assert_int_equal(m.status, 502);
	assert_int_equal(n, 17);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_BAD_RESPONSE);
	end(&x, &c, &s);
}

/* A client that does not read its hints keeps the server's next bytes from being read, and loses none of them. */
static void hints_wait_for_the_client(void **state)
{
	static char hint[60000];
	struct exchange x;
	struct peer c;
	(void)state;
	memset(hint, 'x', sizeof(hint));
	memcpy(hint, "HTTP/1.1 103 E\r\nLink: ", 22);
	memcpy(hint + sizeof(hint) - 4, "\r\n\r\n", 4);
	exchange_init(&x);
	exchange_start(&x);
	c = peer_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int small = 4096;
	struct sockaddr_storage sa;
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	socklen_t len = endpoint_to_sockaddr(&x.entry.at, &sa);
	assert_true(connect(c.fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS);
	assert_true(wait_for(c.fd, POLLOUT));
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	for (int i = 0; i < 15; i++)
		peer_send(&s, hint, sizeof(hint));
	peer_say(&s, OK_2);
	for (int i = 0; i < 15; i++)
		expect_response(&c, 103, NULL, &m);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	end(&x, &c, &s);
}

/* --- expectations */

static void unknown_expectations(void **state)
{
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, tea\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: tea\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n",
	};
	struct exchange x;
	struct peer c;
	(void)state;
	begin(&x, &c);
	for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
		peer_say(&c, requests[i]);
		expect_response(&c, 417, "Expectation Failed", &m);
		assert_int_equal(exchange_last(&x, i + 1)->reason, REASON_EXPECTATION);
	}
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* RFC 9110 §10.1.1: not from HTTP/1.0 clients, not without a body. */
static void idle_expectations(void **state)
{
	static const char *const requests[] = {
		"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nxx",
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct exchange x;
		struct peer c;
		begin(&x, &c);
		peer_say(&c, requests[i]);
		struct peer s = origin_accept(&x);
		expect_request(&s, "", i ? "" : "xx", &m);
		expect_has_not(&m, "Expect");
		peer_say(&s, OK_2);
		expect_response(&c, 200, "ok", &m);
		end(&x, &c, &s);
	}
}

/* The server does not want the body. Whether the client sends it all the same nobody knows: the connection ends. */
static void refused_without_continue(void **state)
{
	struct exchange x;
	struct peer c;
	struct head h;
	(void)state;
	begin(&x, &c);
	peer_say(&c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	struct peer s = origin_accept(&x);
	assert_true(peer_head(&s, true, &m, &h));
	expect_has(&m, "\r\nExpect: 100-continue\r\n");
	peer_say(&s, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
	expect_response(&c, 401, "no", &m);
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&c, CLEAN);
	expect_gone(&s);
	end(&x, &c, &s);
}

/* --- answers before the end of the request */

static struct peer answer_early(struct exchange *x, struct peer *c, const char *answer)
{
	struct head h;
	begin(x, c);
	peer_say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nsome");
	struct peer s = origin_accept(x);
	assert_true(peer_head(&s, true, &m, &h));
	peer_say(&s, answer);
	return s;
}

/* A server that keeps its connection reads the body to its end; then everything goes on. */
static void early_answer_and_the_body_goes_on(void **state)
{
	struct exchange x;
	struct peer c;
	struct buf body;
	(void)state;
	struct peer s = answer_early(&x, &c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	expect_response(&c, 200, "ok", &m);
	expect_has_not(&m, "Connection: close");
	peer_say(&c, " and more" + 1);
	buf_init(&body, 0);
	assert_true(peer_body(&s, H1_BODY_LENGTH, 12, &body));
	assert_true(str_eq(buf_view(&body), STR("someand more")));
	buf_free(&body);
	exchange_settles(&x, 1, 1);
	assert_int_equal(exchange_last(&x, 1)->request_bytes, 12);
	peer_say(&c, GET);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	end(&x, &c, &s);
}

static void early_answer_of_a_server_that_closes(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		struct exchange x;
		struct peer c;
		struct peer s = answer_early(
			&x, &c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
		if (gone)
			peer_close(&s);
		expect_response(&c, 413, "big", &m);
		expect_has(&m, "\r\nConnection: close\r\n");
		expect_end(&c, CLEAN);
		peer_say(&c, "and more"); /* is read and dropped, so that the answer is not lost to a reset */
		assert_int_equal(exchange_last(&x, 1)->status, 413);
		end(&x, &c, &s);
	}
}

/* It said it would go on, and went away. */
static void early_answer_and_the_server_leaves(void **state)
{
	struct exchange x;
	struct peer c;
	(void)state;
	struct peer s = answer_early(&x, &c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	expect_response(&c, 200, "ok", &m);
	peer_close(&s);
	expect_end(&c, CLEAN);
	end(&x, &c, &s);
}

/* It said it would go on, but the client has gone quiet: the read limit is for this too. */
static void early_answer_and_no_more_body(void **state)
{
	struct exchange x;
	struct peer c;
	struct head h;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.read_ns = 40 * NS_PER_MS;
	exchange_start(&x);
	c = client_connect(&x);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nsome");
	struct peer s = origin_accept(&x);
	assert_true(peer_head(&s, true, &m, &h));
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	expect_gone(&s);
	expect_end(&c, CLEAN);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_BODY_TIMEOUT);
	assert_int_equal(x.records[0].status, 200);
	end(&x, &c, &s);
}

/* --- trailer fields */

/* The rest of a message from its last chunk on. */
static void expect_tail(struct peer *p, const char *tail)
{
	size_t n = strlen(tail);
	for (;;) {
		struct str s = peer_pending(p);
		if (s.n >= n && memcmp(s.p + s.n - n, tail, n) == 0)
			break;
		if (s.n > n + 2000 || peer_fill(p) <= 0)
			fail_msg("no '%s' at the end of\n%.*s", tail, STR_ARG(peer_pending(p)));
	}
	p->used = p->in.n;
}

#define CHUNKED_POST "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n"

static void request_trailers(void **state)
{
	static const char body[] =
		"3\r\nabc\r\n0\r\nDigest: x=y \r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\nHost: evil\r\n"
		"X-Forwarded-For: 1.1.1.1\r\nX_Real_Ip: 1.1.1.1\r\nAuthorization: a\r\nCache-Control: "
		"c\r\nX-Sum: 7\r\n\r\n";
	struct exchange x;
	struct peer c;
	struct head h;
	(void)state;
	begin(&x, &c);
	/* Cut anywhere: they are kept until they are whole. */
	struct peer s = { .fd = -1 };
	for (size_t cut = 0; cut < sizeof(body); cut += 7) {
		peer_say(&c, CHUNKED_POST);
		peer_send(&c, body, cut);
		if (s.fd < 0)
			s = origin_accept(&x);
		assert_true(peer_head(&s, true, &m, &h));
		expect_has(&m, "\r\nTrailer: Digest\r\n");
		peer_say(&c, body + cut);
		expect_tail(&s, "3\r\nabc\r\n0\r\nDigest: x=y\r\nX-Sum: 7\r\n\r\n");
		peer_say(&s, OK_2);
		expect_response(&c, 200, "ok", &m);
		exchange_settles(&x, 1, 1);
		atomic_store(&x.nrecords, 0);
	}
	end(&x, &c, &s);
}

static void response_trailers(void **state)
{
#define ANSWER                                                                                          \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n2\r\nok\r\n0\r\n" \
	"Grpc-Status: 0\r\nSet-Cookie: a\r\n\r\n"
	static const struct {
		const char *request, *tail;
		bool announced;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\nTe: trailers\r\nConnection: te\r\n\r\n",
		  "2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\n\r\n", "2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n",
		  true },
		{ GET, "2\r\nok\r\n0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nTE: trailers\r\n\r\n", "\r\n\r\nok", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange x;
		struct peer c;
		struct head h;
		begin(&x, &c);
		peer_say(&c, cases[i].request);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		peer_say(&s, ANSWER);
		struct peer copy = c;
		while (peer_fill(&copy) > 0 && !memmem(copy.in.p, copy.in.n, "ok", 2))
			;
		c = copy;
		size_t used = c.used;
		assert_true(peer_head(&c, false, &m, &h));
		if (cases[i].announced)
			expect_has(&m, "\r\nTrailer: Grpc-Status\r\n");
		else
			expect_has_not(&m, "Trailer:");
		c.used = used;
		expect_tail(&c, cases[i].tail);
		exchange_settles(&x, i < 3, 1);
		end(&x, &c, &s);
	}
}

static void broken_trailers(void **state)
{
	struct exchange x;
	struct peer c;
	(void)state;
	begin(&x, &c);
	peer_say(&c, CHUNKED_POST "0\r\nA b\r\n\r\n");
	expect_response(&c, 400, "Bad Request", &m);
	expect_end(&c, CLEAN);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	struct peer dead = s;
	if (!wait_for(s.fd, POLLIN))
		fail();
	char byte;
	if (recv(s.fd, &byte, 1, MSG_PEEK) <= 0) { /* that of the refused one */
		peer_close(&dead);
		s = origin_accept(&x);
	}
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
	while (peer_fill(&c) > 0 && !memmem(c.in.p, c.in.n, "ok", 2))
		;
	peer_say(&s, "0\r\nA b\r\n\r\n");
	c.used = c.in.n;
	expect_gone(&c);
	exchange_settles(&x, 0, 0);
	assert_int_equal(exchange_last(&x, 2)->reason, REASON_RESPONSE_CUT);
	end(&x, &c, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_are_passed_on),
		cmocka_unit_test(old_clients_get_no_1xx),
		cmocka_unit_test(endless_hints),
		cmocka_unit_test(hints_wait_for_the_client),
		cmocka_unit_test(unknown_expectations),
		cmocka_unit_test(idle_expectations),
		cmocka_unit_test(refused_without_continue),
		cmocka_unit_test(early_answer_and_the_body_goes_on),
		cmocka_unit_test(early_answer_of_a_server_that_closes),
		cmocka_unit_test(early_answer_and_the_server_leaves),
		cmocka_unit_test(early_answer_and_no_more_body),
		cmocka_unit_test(request_trailers),
		cmocka_unit_test(response_trailers),
		cmocka_unit_test(broken_trailers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
