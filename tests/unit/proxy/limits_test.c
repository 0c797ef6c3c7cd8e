/* Limits in time and number: each ends what it is about with its own reason and leaves the rest alone. */
#include "proxy/exchange.h"

static struct message_text m;

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define MS   ((int64_t)NS_PER_MS)

static struct service_limits *limits(struct exchange *x)
{
	return &x->service->limits;
}

static void end(struct exchange *x, struct peer *c, struct peer *s)
{
	if (c)
		peer_close(c);
	if (s)
		peer_close(s);
	exchange_settles(x, 0, 0);
	assert_int_equal(atomic_load(&x->target->busy), 0);
	assert_int_equal(atomic_load(&x->target->waiting), 0);
	exchange_end(x);
}

/* --- time */

/* The whole may take long, as long as it moves. */
static void bodies_that_stop(void **state)
{
	struct exchange x;
	struct head h;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.body_idle_ns = 60 * MS;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
	struct peer s = origin_accept(&x);
	assert_true(peer_head(&s, true, &m, &h));
	uint64_t start = clock_mono_ns();
	for (int i = 0; i < 12; i++) {
		struct pollfd f = { .fd = c.fd, .events = POLLIN };
		assert_int_equal(poll(&f, 1, 10), 0);
		peer_say(&c, "x");
	}
	assert_true(clock_mono_ns() - start > 100 * (uint64_t)MS);
	expect_response(&c, 408, "Request Timeout", &m);
	expect_end(&c, CLEAN);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_BODY_IDLE);
	end(&x, &c, &s);
}

/* A client that takes nothing of what is there for it; silence of the server is another matter. */
static void clients_that_do_not_read(void **state)
{
	static char much[1 << 20];
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.transport.responding.body_idle_ns = 60 * MS;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	struct head h;
	assert_true(peer_head(&c, false, &m, &h));
	struct pollfd quiet = { .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&quiet, 1, 150), 0); /* nothing comes, and nothing ends */
	struct pollfd f = { .fd = s.fd, .events = POLLOUT };
	ssize_t n = 0;
	while (poll(&f, 1, 2000) == 1 && (n = send(s.fd, much, sizeof(much), MSG_NOSIGNAL)) > 0)
		;
	assert_true(n < 0 && (errno == EPIPE || errno == ECONNRESET));
	exchange_settles(&x, 0, 0);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_CLIENT_STALLED);
	end(&x, &c, &s);
}

static void servers_that_do_not_answer(void **state)
{
	struct exchange x;
	struct head h;
	(void)state;
	exchange_init(&x);
	limits(&x)->response_head_ns = 40 * MS;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	expect_response(&c, 504, "Gateway Timeout", &m);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_RESPONSE_TIMEOUT);
	expect_gone(&s);
	peer_close(&s);
	/* The time begins when the server has the whole request; a body that comes slowly is not its fault. */
	peer_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
	s = origin_accept(&x);
	assert_true(peer_head(&s, true, &m, &h));
	struct pollfd f = { .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&f, 1, 100), 0);
	peer_say(&c, "ab");
	expect_response(&c, 504, "Gateway Timeout", &m);
	peer_close(&s);
	/* And it ends with the head: the body may take longer. */
	peer_say(&c, GET);
	s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	assert_true(peer_head(&c, false, &m, &h));
	assert_int_equal(poll(&f, 1, 100), 0);
	peer_say(&s, "ok");
	struct buf body;
	buf_init(&body, 0);
	assert_true(peer_body(&c, H1_BODY_LENGTH, 2, &body));
	buf_free(&body);
	exchange_settles(&x, 1, 1);
	end(&x, &c, &s);
}

static void requests_that_take_too_long(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		struct exchange x;
		struct head h;
		exchange_init(&x);
		x.route_timeout_ns = 50 * MS;
		exchange_start(&x);
		struct peer c = client_connect(&x);
		peer_say(&c, GET);
		struct peer s = origin_accept(&x);
		expect_request(&s, "GET ", "", &m);
		if (answered) {
			peer_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
			assert_true(peer_head(&c, false, &m, &h));
			expect_end(&c, RESET); /* what it got was not all */
		} else {
			expect_response(&c, 504, "Gateway Timeout", &m);
		}
		expect_gone(&s);
		assert_int_equal(exchange_last(&x, 1)->reason, REASON_REQUEST_TIMEOUT);
		end(&x, &c, &s);
	}
}

/* --- number */

static void begin_slots(struct exchange *x, unsigned max, unsigned queue, int64_t wait_ns)
{
	exchange_init(x);
	limits(x)->max_connections = max;
	limits(x)->max_queue = queue;
	limits(x)->queue_ns = wait_ns;
	exchange_start(x);
}

static void settle_waiting(struct exchange *x, unsigned n)
{
	struct probe p;
	uint64_t deadline = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;
	do {
		exchange_probe(x, &p);
		assert_true(clock_mono_ns() < deadline);
	} while (atomic_load(&x->target->waiting) != n);
}

static void one_at_a_time(void **state)
{
	struct exchange x;
	struct peer c[4];
	char line[40];
	(void)state;
	begin_slots(&x, 1, 10, 5000 * MS);
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
		c[i] = client_connect(&x);
		snprintf(line, sizeof(line), "GET /%u HTTP/1.1\r\nHost: a\r\n\r\n", i);
		peer_say(&c[i], line);
		settle_waiting(&x, i);
	}
	struct peer s = origin_accept(&x);
	for (unsigned i = 0; i < ARRAY_LEN(c); i++) { /* in order, and on the one connection */
		snprintf(line, sizeof(line), "GET /%u ", i);
		expect_request(&s, line, "", &m);
		assert_int_equal(atomic_load(&x.target->busy), 1);
		peer_say(&s, OK_2);
		expect_response(&c[i], 200, "ok", &m);
	}
	exchange_settles(&x, ARRAY_LEN(c), 1);
	for (unsigned i = 0; i < ARRAY_LEN(c); i++)
		peer_close(&c[i]);
	end(&x, NULL, &s);
}

static void full_and_late(void **state)
{
	struct exchange x;
	(void)state;
	begin_slots(&x, 1, 1, 80 * MS);
	struct peer a = client_connect(&x), b = client_connect(&x), c = client_connect(&x);
	peer_say(&a, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&b, GET);
	settle_waiting(&x, 1);
	peer_say(&c, GET);
	expect_response(&c, 503, "no available server\n", &m);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_QUEUE_FULL);
	expect_response(&b, 503, "no available server\n", &m);
	assert_int_equal(exchange_last(&x, 2)->reason, REASON_QUEUE_TIMEOUT);
	peer_say(&s, OK_2);
	expect_response(&a, 200, "ok", &m);
	peer_say(&b, GET); /* everything goes on */
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&b, 200, "ok", &m);
	peer_close(&a);
	peer_close(&b);
	end(&x, &c, &s);
}

/* Who leaves while waiting, or while his turn is being given to him, takes no slot with him. */
static void waiting_clients_leave(void **state)
{
	struct exchange x;
	(void)state;
	begin_slots(&x, 1, 10, 5000 * MS);
	struct peer a = client_connect(&x), b = client_connect(&x), c = client_connect(&x);
	peer_say(&a, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&b, GET);
	settle_waiting(&x, 1);
	peer_say(&c, GET);
	settle_waiting(&x, 2);
	peer_reset(&b);
	settle_waiting(&x, 1);
	peer_say(&s, OK_2);
	expect_response(&a, 200, "ok", &m);
	expect_request(&s, "GET ", "", &m);
	peer_reset(&a);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	end(&x, &c, &s);
}

/* A server that breaks the connection frees the slot like one that answers. */
static void slots_of_failures(void **state)
{
	struct exchange x;
	(void)state;
	begin_slots(&x, 1, 10, 5000 * MS);
	struct peer a = client_connect(&x), b = client_connect(&x);
	peer_say(&a, "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	struct peer s = origin_accept(&x);
	expect_request(&s, "POST ", "", &m);
	peer_say(&b, GET);
	settle_waiting(&x, 1);
	peer_reset(&s);
	expect_response(&a, 502, "Bad Gateway", &m);
	s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&b, 200, "ok", &m);
	peer_close(&a);
	end(&x, &b, &s);
}

/* Memory for heads and bodies is bounded: who comes when it is used up is told to come back. */
static void no_room_for_more(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.engine.max_blocks = 3;
	exchange_start(&x);
	struct peer a = client_connect(&x), b = client_connect(&x);
	peer_say(&a, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&b, GET);
	expect_response(&b, 503, "overloaded\n", &m);
	expect_has(&m, "\r\nRetry-After: 1\r\n");
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&b, CLEAN);
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_OVERLOAD);
	peer_say(&s, OK_2);
	expect_response(&a, 200, "ok", &m);
	peer_say(&a, GET);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&a, 200, "ok", &m);
	peer_close(&b);
	end(&x, &a, &s);
}

/* While shedding nobody is accepted; a turn of the loop that is on time ends it. */
struct gate {
	struct message msg;
	struct worker *worker;
	sem_t done;
};

static void gate_deliver(struct message *msg)
{
	struct gate *g = container_of(msg, struct gate, msg);
	g->worker->overload.shedding = true;
	entry_gate(g->worker, false);
	sem_post(&g->done);
}

static void shut_gate(struct exchange *x)
{
	struct gate g = { .msg.deliver = gate_deliver, .worker = &x->engine.workers[0] };
	sem_init(&g.done, 0, 0);
	mailbox_post(&g.worker->box, &g.msg);
	while (sem_wait(&g.done) < 0)
		;
	sem_destroy(&g.done);
}

static void the_gate_opens_by_itself(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	shut_gate(&x);
	struct peer c = client_connect(&x); /* waits in the kernel until then */
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	assert_false(x.engine.workers[0].overload.shedding);
	end(&x, &c, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_that_stop),
		cmocka_unit_test(clients_that_do_not_read),
		cmocka_unit_test(servers_that_do_not_answer),
		cmocka_unit_test(requests_that_take_too_long),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(full_and_late),
		cmocka_unit_test(waiting_clients_leave),
		cmocka_unit_test(slots_of_failures),
		cmocka_unit_test(no_room_for_more),
		cmocka_unit_test(the_gate_opens_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
