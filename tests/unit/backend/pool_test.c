/* The pool of idle connections, over real sockets and a clock that the test moves. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "backend/pool.c"
#include "io/sock.h"

#define MAX_IDLE 200u
static const struct pool_limits limits = { .max_idle = MAX_IDLE, .idle_ns = 90 * NS_PER_S };

struct bench {
	struct loop loop;
	struct block_pool blocks;
	struct target *target;
	int listener;
	struct endpoint at;
	unsigned told; /* events that reached the owner */
};

static void setup(struct bench *b)
{
	*b = (struct bench){ 0 };
	clock_freeze(1000 * NS_PER_S, 0);
	assert_int_equal(loop_init(&b->loop), 0);
	block_pool_init(&b->blocks, 4);
	assert_int_equal(endpoint_parse(STR("127.0.0.1:0"), &b->at), 0);
	assert_int_equal(sock_listen(&b->at, false, 512, &b->listener), 0);
	assert_int_equal(sock_local(b->listener, &b->at), 0);
	assert_int_equal(fcntl(b->listener, F_SETFL, 0), 0);
	b->target = target_new("http://127.0.0.1:1/x", &b->at, NULL, 2);
}

static void teardown(struct bench *b)
{
	pool_drain(b->target, 0);
	pool_drain(b->target, 1);
	assert_int_equal(b->target->cells[0].nidle, 0);
	loop_once(&b->loop, 0);
	assert_int_equal(b->blocks.in_use, 0);
	assert_int_equal(b->loop.wheel.filed, 0);
	target_unref(&b->target);
	mem_closep(&b->listener);
	block_pool_free(&b->blocks);
	loop_free(&b->loop);
	clock_thaw();
}

static void on_event(struct h1_client *c)
{
	struct bench *b = c->owner;
	b->told++;
}

/* A connected client as a request leaves it, and the server's end of it. */
static struct h1_client *client(struct bench *b, int *ret_server)
{
	struct h1_client *c;
	assert_int_equal(h1_client_dial(&b->at, &b->loop, &b->blocks, 65536, &c), 0);
	c->owner = b;
	c->on_event = on_event;
	*ret_server = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*ret_server >= 0);
	loop_once(&b->loop, 0);
	assert_int_equal(h1_client_check(c), 0);
	assert_true(c->connected && !c->reused);
	b->told = 0;
	return c;
}

/* Time passes, as the loop sees it. */
static void pass(struct bench *b, uint64_t ns)
{
	clock_advance(ns);
	loop_once(&b->loop, 0);
}

/* The server sees the connection end. */
static void expect_closed(int *server)
{
	char c;
	assert_true(read(*server, &c, 1) <= 0);
	mem_closep(server);
}

static void expect_open(int server)
{
	char c;
	assert_int_equal(recv(server, &c, 1, MSG_DONTWAIT), -1);
}

static void last_in_first_out(void **state)
{
	struct bench b;
	struct h1_client *c[3];
	int server[3];
	(void)state;
	setup(&b);
	assert_null(pool_take(b.target, 0));
	for (int i = 0; i < 3; i++)
		c[i] = client(&b, &server[i]);
	for (int i = 0; i < 3; i++)
		pool_give(b.target, 0, c[i], &limits);
	assert_int_equal(b.target->cells[0].nidle, 3);
	assert_null(pool_take(b.target, 1)); /* each worker has its own */
	for (int i = 2; i >= 0; i--) {
		assert_ptr_equal(pool_take(b.target, 0), c[i]);
		assert_true(c[i]->reused);
	}
	assert_null(pool_take(b.target, 0));
	assert_int_equal(b.target->cells[0].nidle, 0);
	for (int i = 0; i < 3; i++) {
		h1_client_free(&c[i]);
		assert_null(c[i]);
		expect_closed(&server[i]);
	}
	teardown(&b);
}

static void bounded(void **state)
{
	struct bench b;
	struct h1_client *c;
	int server[MAX_IDLE + 1];
	(void)state;
	setup(&b);
	for (unsigned i = 0; i <= MAX_IDLE; i++) {
		c = client(&b, &server[i]);
		pool_give(b.target, 0, c, &limits);
	}
	assert_int_equal(b.target->cells[0].nidle, MAX_IDLE);
	expect_closed(&server[MAX_IDLE]);
	for (unsigned i = 0; i < MAX_IDLE; i++)
		expect_open(server[i]);
	pool_drain(b.target, 0);
	for (unsigned i = 0; i < MAX_IDLE; i++)
		expect_closed(&server[i]);
	teardown(&b);
}

static void idle_for_too_long(void **state)
{
	struct bench b;
	int first, second;
	(void)state;
	setup(&b);
	pool_give(b.target, 0, client(&b, &first), &limits);
	pass(&b, (uint64_t)limits.idle_ns / 2);
	pool_give(b.target, 0, client(&b, &second), &limits);
	pass(&b, (uint64_t)limits.idle_ns / 2 - 2 * NS_PER_MS);
	assert_int_equal(b.target->cells[0].nidle, 2);
	pass(&b, 4 * NS_PER_MS);
	assert_int_equal(b.target->cells[0].nidle, 1);
	expect_closed(&first);
	expect_open(second);
	pass(&b, (uint64_t)limits.idle_ns);
	assert_int_equal(b.target->cells[0].nidle, 0);
	expect_closed(&second);
	teardown(&b);
}

/* The idle deadline is for idle ones: a long exchange on a connection that was idle once must not be hit by it. */
static void deadline_ends_with_idleness(void **state)
{
	struct bench b;
	int server;
	(void)state;
	setup(&b);
	struct h1_client *c = client(&b, &server);
	pool_give(b.target, 0, c, &limits);
	pass(&b, NS_PER_S);
	assert_ptr_equal(pool_take(b.target, 0), c);
	c->owner = &b;
	c->on_event = on_event;
	pass(&b, (uint64_t)limits.idle_ns * 3);
	expect_open(server);
	assert_int_equal(b.target->cells[0].nidle, 0);
	/* Idle again, it gets the whole time again. */
	pool_give(b.target, 0, c, &limits);
	pass(&b, (uint64_t)limits.idle_ns - 2 * NS_PER_MS);
	expect_open(server);
	assert_int_equal(b.target->cells[0].nidle, 1);
	pass(&b, 4 * NS_PER_MS);
	expect_closed(&server);
	assert_int_equal(b.target->cells[0].nidle, 0);
	teardown(&b);
}

static void server_ends_it(void **state)
{
	struct bench b;
	int closed, reset, talking, quiet;
	(void)state;
	setup(&b);
	pool_give(b.target, 0, client(&b, &closed), &limits);
	pool_give(b.target, 0, client(&b, &reset), &limits);
	pool_give(b.target, 0, client(&b, &talking), &limits);
	pool_give(b.target, 0, client(&b, &quiet), &limits);
	mem_closep(&closed);
	sock_reset(reset);
	assert_int_equal(write(talking, "HTTP/1.1 408 Late\r\n\r\n", 21), 21);
	loop_once(&b.loop, 0);
	assert_int_equal(b.target->cells[0].nidle, 1);
	expect_closed(&talking);
	expect_open(quiet);
	assert_int_equal(b.told, 0);
	mem_closep(&quiet);
	teardown(&b);
}

static void not_worth_keeping(void **state)
{
	struct bench b;
	int server;
	(void)state;
	setup(&b);
	/* More than was asked for has arrived. */
	struct h1_client *c = client(&b, &server);
	assert_int_equal(write(server, "x", 1), 1);
	loop_once(&b.loop, 0);
	assert_int_equal(b.told, 1);
	pool_give(b.target, 0, c, &limits);
	expect_closed(&server);
	/* The server has hung up. */
	c = client(&b, &server);
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	loop_once(&b.loop, 0);
	pool_give(b.target, 0, c, &limits);
	expect_closed(&server);
	/* Nobody will ask for this server again. */
	c = client(&b, &server);
	atomic_store(&b.target->retired, true);
	pool_give(b.target, 0, c, &limits);
	expect_closed(&server);
	assert_int_equal(b.target->cells[0].nidle, 0);
	teardown(&b);
}

static void refused(void **state)
{
	struct bench b;
	struct h1_client *c;
	(void)state;
	setup(&b);
	mem_closep(&b.listener);
	assert_int_equal(h1_client_dial(&b.at, &b.loop, &b.blocks, 65536, &c), 0);
	c->owner = &b;
	c->on_event = on_event;
	loop_once(&b.loop, 0);
	assert_int_equal(b.told, 1);
	assert_int_equal(h1_client_check(c), -ECONNREFUSED);
	assert_false(c->connected);
	h1_client_free(&c);
	h1_client_free(&c);
	teardown(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_in_first_out), cmocka_unit_test(bounded),
		cmocka_unit_test(idle_for_too_long), cmocka_unit_test(deadline_ends_with_idleness),
		cmocka_unit_test(server_ends_it),    cmocka_unit_test(not_worth_keeping),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
