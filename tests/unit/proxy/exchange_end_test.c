/* The end of the engine and the bound on its clients: who is let in, who may finish, and who is cut off. */
#include "proxy/exchange.h"
#include <pthread.h>

static struct message_text m;

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void connection_limit(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.engine.max_connections = 2;
	exchange_start(&x);
	struct peer a = client_connect(&x), b = client_connect(&x);
	exchange_settles(&x, 2, 0);
	struct peer c = client_connect(&x); /* by the kernel, so far */
	peer_say(&c, "nonsense\r\n\r\n");
	exchange_settles(&x, 2, 0);
	struct pollfd f = { .fd = c.fd, .events = POLLIN };
	assert_int_equal(poll(&f, 1, 50), 0);
	peer_close(&a);
	expect_response(&c, 400, "Bad Request", &m);
	expect_end(&c, CLEAN);
	peer_close(&b);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

struct visitor {
	struct exchange *x;
	struct peer busy, idle, server;
};

/* Beside engine_stop(): once the idle client is sent away, the other one's answer comes. */
static void *answer_late(void *arg)
{
	struct visitor *v = arg;
	expect_end(&v->idle, CLEAN);
	peer_say(&v->server, OK_2);
	expect_response(&v->busy, 200, "ok", &m);
	expect_has(&m, "\r\nConnection: close\r\n");
	expect_end(&v->busy, CLEAN);
	peer_close(&v->busy);
	return NULL;
}

static void draining(void **state)
{
	struct exchange x;
	pthread_t thread;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct visitor v = { &x, client_connect(&x), client_connect(&x), { 0 } };
	peer_say(&v.busy, GET);
	v.server = origin_accept(&x);
	expect_request(&v.server, "GET ", "", &m);
	exchange_settles_clients(&x, 2);
	uint64_t begun = clock_mono_ns();
	assert_int_equal(pthread_create(&thread, NULL, answer_late, &v), 0);
	exchange_stop(&x, 60 * NS_PER_S);
	pthread_join(thread, NULL);
	assert_true(clock_mono_ns() - begun < 20 * NS_PER_S); /* not the whole grace time */
	assert_int_equal(x.records[0].status, 200);
	assert_int_equal(x.records[0].reason, REASON_NONE);
	expect_end(&v.server, CLEAN);
	peer_close(&v.idle);
	peer_close(&v.server);
	exchange_end(&x);
	assert_int_equal(atomic_load(&x.released), 1);
}

/* Whoever is still there when the grace time is over is cut off, whatever it was doing, and nothing of it stays. */
static void grace_is_over(void **state)
{
	struct exchange x;
	(void)state;
	exchange_init(&x);
	exchange_start(&x);
	struct peer waiting = client_connect(&x), sending, reading;
	peer_say(&waiting, GET);
	struct peer s1 = origin_accept(&x);
	expect_request(&s1, "GET ", "", &m);
	sending = client_connect(&x);
	peer_say(&sending, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
	struct peer s2 = origin_accept(&x);
	reading = client_connect(&x);
	peer_say(&reading, GET);
	struct peer s3 = origin_accept(&x);
	expect_request(&s3, "GET ", "", &m);
	peer_say(&s3, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	assert_true(peer_fill(&reading) > 0);
	struct peer half = client_connect(&x);
	peer_say(&half, "GET / HT");
	exchange_settles_clients(&x, 4);
	exchange_stop(&x, 20 * NS_PER_MS);
	assert_int_equal(atomic_load(&x.target->in_flight), 0);
	assert_int_equal(atomic_load(&x.nrecords), 3); /* each is in the log */
	for (int i = 0; i < 3; i++)
		assert_int_equal(x.records[i].reason, REASON_SHUTDOWN);
	assert_false(peer_try_message(&reading, false, false, &m));
	buf_free(&m.body);
	expect_gone(&s1);
	expect_gone(&s2);
	expect_gone(&s3);
	struct peer *all[] = { &waiting, &sending, &reading, &half, &s1, &s2, &s3 };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		peer_close(all[i]);
	exchange_end(&x);
	assert_int_equal(atomic_load(&x.released), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_limit),
		cmocka_unit_test(draining),
		cmocka_unit_test(grace_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
