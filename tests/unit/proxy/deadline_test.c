/* The table of limits on a request that never was: time is a number, nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proxy/deadline.c"

#define S NS_PER_S

struct bench {
	struct worker *worker;
	struct entry_conf conf;
	struct entry entry;
	struct service service;
	struct route route;
	struct h1_server down;
	struct req r;
};

/* A request that began at 100 s; limits are 1 s apart, so that each can be the first. */
static void begin(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->worker = calloc(1, sizeof(*b->worker));
	b->worker->loop.now_ns = 100 * S;
	b->entry.conf = &b->conf;
	b->route.service = &b->service;
	b->down.stream.conn.writable = true;
	b->r.worker = b->worker;
	b->r.entry = &b->entry;
	b->r.route = &b->route;
	b->r.down = &b->down;
	b->r.step = REQ_AWAIT;
	b->r.start_ns = b->r.moved_ns = b->r.asked_ns = b->r.queued_ns = 100 * S;
	b->r.body_in_done = b->r.body_out_done = true;
}

static void at(struct bench *b, uint64_t now_ns)
{
	b->worker->loop.now_ns = now_ns;
}

/* Only this limit is set, to 5 s: nothing before, its reason after. */
static void expect_one(struct bench *b, enum reason why)
{
	assert_int_equal(deadline_next_ms(&b->r), 105001);
	at(b, 105 * S);
	assert_int_equal(deadline_passed(&b->r), REASON_NONE);
	at(b, 105 * S + NS_PER_MS);
	assert_int_equal(deadline_passed(&b->r), why);
	free(b->worker);
}

static void expect_none(struct bench *b)
{
	assert_int_equal(deadline_next_ms(&b->r), 0);
	at(b, 10000 * S);
	assert_int_equal(deadline_passed(&b->r), REASON_NONE);
	free(b->worker);
}

static void none(void **state)
{
	struct bench b;
	(void)state;
	begin(&b);
	b.r.body_in_done = false;
	expect_none(&b);
}

static void read_all_of_it(void **state)
{
	struct bench b;
	(void)state;
	for (int done = 0; done < 2; done++) {
		begin(&b);
		b.conf.transport.responding.read_ns = 5 * S;
		b.r.body_in_done = done;
		b.r.moved_ns = 104 * S; /* progress does not lengthen it */
		done ? expect_none(&b) : expect_one(&b, REASON_BODY_TIMEOUT);
	}
}

static void write_all_of_it(void **state)
{
	struct bench b;
	(void)state;
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		begin(&b);
		b.conf.transport.responding.write_ns = 5 * S;
		b.r.tunnel = tunnel;
		tunnel ? expect_none(&b) : expect_one(&b, REASON_WRITE_TIMEOUT);
	}
}

static void body_that_stops(void **state)
{
	struct bench b;
	(void)state;
	begin(&b);
	b.conf.transport.responding.body_idle_ns = 3 * S;
	b.r.body_in_done = false;
	b.r.moved_ns = 102 * S;
	expect_one(&b, REASON_BODY_IDLE);
}

static void client_that_takes_nothing(void **state)
{
	struct bench b;
	(void)state;
	for (int writable = 0; writable < 2; writable++) {
		begin(&b);
		b.conf.transport.responding.body_idle_ns = 5 * S;
		b.r.head_sent = true;
		b.r.step = REQ_STREAM;
		b.down.stream.conn.writable = writable;
		writable ? expect_none(&b) : expect_one(&b, REASON_CLIENT_STALLED);
	}
}

static void response_head_only_while_awaited(void **state)
{
	static const struct {
		enum req_step step;
		bool whole;
		enum reason want;
	} cases[] = {
		{ REQ_AWAIT, true, REASON_RESPONSE_TIMEOUT },
		{ REQ_AWAIT, false, REASON_NONE },
		{ REQ_STREAM, true, REASON_NONE },
		{ REQ_DIAL, true, REASON_NONE },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;
		begin(&b);
		b.service.limits.response_head_ns = 3 * S;
		b.r.asked_ns = 102 * S;
		b.r.step = cases[i].step;
		b.r.body_out_done = cases[i].whole;
		cases[i].want ? expect_one(&b, cases[i].want) : expect_none(&b);
	}
}

static void queue_and_route_and_tunnel(void **state)
{
	struct bench b;
	(void)state;
	begin(&b);
	b.service.limits.queue_ns = 5 * S;
	b.r.queued = true;
	expect_one(&b, REASON_QUEUE_TIMEOUT);
	begin(&b);
	b.service.limits.queue_ns = 5 * S;
	expect_none(&b);
	begin(&b);
	b.route.timeout_ns = 5 * S;
	expect_one(&b, REASON_REQUEST_TIMEOUT);
	begin(&b);
	b.route.timeout_ns = 5 * S;
	b.r.tunnel = true;
	expect_none(&b);
	begin(&b);
	b.conf.transport.tunnel_idle_ns = 4 * S;
	b.r.tunnel = true;
	b.r.moved_ns = 101 * S;
	expect_one(&b, REASON_TUNNEL_IDLE);
}

/* The earliest that is ahead; the first row of those that are over. */
static void several(void **state)
{
	struct bench b;
	(void)state;
	begin(&b);
	b.conf.transport.responding =
		(struct timeouts_conf){ .read_ns = 9 * S, .write_ns = 20 * S, .body_idle_ns = 4 * S };
	b.r.body_in_done = false;
	assert_int_equal(deadline_next_ms(&b.r), 104001);
	b.r.moved_ns = 108 * S;
	assert_int_equal(deadline_next_ms(&b.r), 109001);
	at(&b, 110 * S);
	assert_int_equal(deadline_passed(&b.r), REASON_BODY_TIMEOUT);
	assert_int_equal(deadline_next_ms(&b.r), 112001);
	at(&b, 130 * S);
	assert_int_equal(deadline_passed(&b.r), REASON_WRITE_TIMEOUT);
	assert_int_equal(deadline_next_ms(&b.r), 0);
	free(b.worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(read_all_of_it),
		cmocka_unit_test(write_all_of_it),
		cmocka_unit_test(body_that_stops),
		cmocka_unit_test(client_that_takes_nothing),
		cmocka_unit_test(response_head_only_while_awaited),
		cmocka_unit_test(queue_and_route_and_tunnel),
		cmocka_unit_test(several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
