/* Middlewares and internal services inside the engine: their order, what waits for what, and that each is told of the
 * end exactly once. */
#include "proxy/exchange.h"
#include "proxy/http_fsm.h"
#include "proxy/internal.h"
#include "proxy/mw.h"

static struct message_text m;

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Each middleware leaves its letter: lower case for the request, upper case for the response, '.' and it for the end.
 */
struct letter {
	char c;
	enum mw_result result;
};

static char trace[64];
static atomic_uint ntrace;
static _Atomic(struct req *) waiting;

static void note(char c)
{
	unsigned n = atomic_load(&ntrace);
	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
	atomic_store(&ntrace, n + 1);
}

static enum mw_result on_request(void *ctx, struct req *r)
{
	const struct letter *l = ctx;
	note(l->c);
	if (l->result == MW_REPLIED)
		r->reply = (struct reply){ .status = 418, .body = STR("teapot"), .content_type = "text/x" };
	if (l->result == MW_WAIT)
		atomic_store(&waiting, r);
	return l->result;
}

static void on_response(void *ctx, struct req *r)
{
	const struct letter *l = ctx;
	(void)r;
	note((char)(l->c - 'a' + 'A'));
}

static void on_done(void *ctx, struct req *r)
{
	const struct letter *l = ctx;
	(void)r;
	note('.');
	note(l->c);
}

static const struct mw_type letter_type = {
	.name = "letter", .on_request = on_request, .on_response = on_response, .on_done = on_done
};
static const struct mw_type mute_type = { .name = "mute" };

static void begin(struct exchange *x, struct letter *letters, struct mw *mws, unsigned n)
{
	trace[0] = '\0';
	atomic_store(&ntrace, 0);
	atomic_store(&waiting, NULL);
	for (unsigned i = 0; i < n; i++)
		mws[i] = (struct mw){ letters[i].c == '-' ? &mute_type : &letter_type, &letters[i], "m@file" };
	exchange_init(x);
	exchange_start_with(x, mws, n);
}

static void in_order_and_back(void **state)
{
	struct letter letters[] = { { 'a', MW_NEXT }, { '-', MW_NEXT }, { 'b', MW_NEXT }, { 'c', MW_NEXT } };
	struct mw mws[4];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 4);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	assert_string_equal(trace, "abcCBA.c.b.a");
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

static void answered_on_the_way(void **state)
{
	struct letter letters[] = { { 'a', MW_NEXT }, { 'b', MW_REPLIED }, { 'c', MW_NEXT } };
	struct mw mws[3];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 3);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	expect_response(&c, 418, "teapot", &m);
	expect_has(&m, "\r\nContent-Type: text/x\r\n");
	peer_say(&c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_response(&c, 418, NULL, &m);
	expect_has(&m, "\r\nContent-Length: 6\r\n");
	exchange_settles(&x, 1, 0);
	assert_string_equal(trace, "abBA.b.aabBA.b.a");
	assert_int_equal(exchange_last(&x, 2)->status, 418);
	peer_close(&c);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

static void failures_pass_the_middlewares(void **state)
{
	struct letter letters[] = { { 'a', MW_NEXT } };
	struct mw mws[1];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 1);
	mem_closep(&x.origin);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	expect_response(&c, 502, "Bad Gateway", &m);
	exchange_settles(&x, 1, 0);
	assert_string_equal(trace, "aA.a");
	peer_close(&c);
	exchange_end(&x);
}

/* --- waiting
 * -------------------------------------------------------------------------------------------------------------------------------
 */

struct wake {
	struct message msg;
	struct req *r;
};

static void wake_deliver(struct message *msg)
{
	phase_resume(container_of(msg, struct wake, msg)->r);
}

static struct req *wait_for_waiting(struct exchange *x)
{
	uint64_t deadline = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;
	struct probe p;
	while (!atomic_load(&waiting)) {
		exchange_probe(x, &p);
		assert_true(clock_mono_ns() < deadline);
	}
	exchange_probe(x, &p);
	return atomic_load(&waiting);
}

static void waits_and_goes_on(void **state)
{
	struct letter letters[] = { { 'a', MW_WAIT }, { 'b', MW_NEXT } };
	struct mw mws[2];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 2);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	struct wake wake = { .msg.deliver = wake_deliver, .r = wait_for_waiting(&x) };
	peer_say(&c, GET); /* the next one, meanwhile: changes nothing */
	struct probe p;
	exchange_probe(&x, &p);
	assert_string_equal(trace, "a");
	mailbox_post(&x.engine.workers[0].box, &wake.msg);
	struct peer s = origin_accept(&x);
	expect_request(&s, "GET ", "", &m);
	letters[0].result = MW_NEXT;
	peer_say(&s, OK_2);
	expect_request(&s, "GET ", "", &m);
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &m);
	expect_response(&c, 200, "ok", &m);
	exchange_settles(&x, 1, 1);
	assert_string_equal(trace, "abBA.b.aabBA.b.a");
	peer_close(&c);
	peer_close(&s);
	exchange_settles(&x, 0, 0);
	exchange_end(&x);
}

/* Whoever leaves while a middleware has not made up its mind must not get past it that way. */
static void client_leaves_meanwhile(void **state)
{
	struct letter letters[] = { { 'a', MW_WAIT }, { 'b', MW_NEXT } };
	struct mw mws[2];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 2);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	(void)wait_for_waiting(&x);
	peer_reset(&c);
	exchange_settles(&x, 0, 0);
	assert_string_equal(trace, "a.a");
	assert_int_equal(exchange_last(&x, 1)->reason, REASON_CLIENT_GONE);
	struct pollfd f = { .fd = x.origin, .events = POLLIN };
	assert_int_equal(poll(&f, 1, 0), 0);
	exchange_end(&x);
}

static void stopped_meanwhile(void **state)
{
	struct letter letters[] = { { 'a', MW_WAIT } };
	struct mw mws[1];
	struct exchange x;
	(void)state;
	begin(&x, letters, mws, 1);
	struct peer c = client_connect(&x);
	peer_say(&c, GET);
	(void)wait_for_waiting(&x);
	exchange_stop(&x, 10 * NS_PER_MS);
	assert_string_equal(trace, "a.a");
	peer_close(&c);
	exchange_end(&x);
}

/* --- internal services
 * ------------------------------------------------------------------------------------------------------------------------
 */

static unsigned served;

static void serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply)
{
	served++;
	assert_ptr_equal(ctx, &served);
	reply->content_type = "text/plain";
	buf_printf(&reply->body, "%.*s %.*s ? %.*s", STR_ARG(rq->method), STR_ARG(rq->path), (int)rq->query.n,
		   rq->query.p);
}

static struct snapshot *internal_snapshot(struct exchange *x, bool any_thread)
{
	static struct internal_service service = { "t@internal", serve, &served, false };
	struct snapshot *s = exchange_snapshot(x, "PathPrefix(`/`)", NULL, 0);
	struct rule_facts f = { .path = STR("/"), .method = STR("GET") };
	struct route *rt = rule_index_find(s->entries[0].routes, &f);
	service.any_thread = any_thread;
	rt->service = NULL;
	rt->internal = &service;
	return s;
}

static void served_by_ourselves(void **state)
{
	(void)state;
	for (int any_thread = 0; any_thread < 2; any_thread++) {
		struct exchange x;
		exchange_init(&x);
		exchange_start(&x);
		engine_publish(&x.engine, internal_snapshot(&x, any_thread));
		served = 0;
		struct peer c = client_connect(&x);
		for (unsigned i = 0; i < 3; i++) {
			peer_say(&c, "GET /a//b?c HTTP/1.1\r\nHost: a\r\n\r\n");
			while (!any_thread && served <= i)
				loop_once(&x.control, DEADLINE_MS);
			expect_response(&c, 200, "GET /a/b ? c", &m);
			exchange_settles(&x, 1, 0);
		}
		assert_int_equal(served, 3);
		peer_close(&c);
		exchange_settles(&x, 0, 0);
		exchange_end(&x);
	}
}

/* The answer finds nobody: the client has left, or the worker has ended. */
static void answer_for_nobody(void **state)
{
	(void)state;
	for (int stop = 0; stop < 2; stop++) {
		struct exchange x;
		exchange_init(&x);
		exchange_start(&x);
		engine_publish(&x.engine, internal_snapshot(&x, false));
		served = 0;
		struct peer c = client_connect(&x);
		peer_say(&c, GET);
		exchange_settles_clients(&x, 1);
		while (!x.box.head) { /* the worker's order has arrived */
			struct probe p;
			exchange_probe(&x, &p);
		}
		if (stop) {
			int fd = x.box.watch.fd;
			loop_del(&x.control,
				 &x.box.watch); /* the control thread does not come to it before everything has ended */
			exchange_stop(&x, 10 * NS_PER_MS);
			close(fd);
			assert_int_equal(served, 0);
			peer_close(&c);
		} else {
			peer_reset(&c);
			exchange_settles(&x, 0, 0);
			loop_once(&x.control, DEADLINE_MS);
			assert_int_equal(served, 1);
		}
		exchange_end(&x);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_back),
		cmocka_unit_test(answered_on_the_way),
		cmocka_unit_test(failures_pass_the_middlewares),
		cmocka_unit_test(waits_and_goes_on),
		cmocka_unit_test(client_leaves_meanwhile),
		cmocka_unit_test(stopped_meanwhile),
		cmocka_unit_test(served_by_ourselves),
		cmocka_unit_test(answer_for_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
