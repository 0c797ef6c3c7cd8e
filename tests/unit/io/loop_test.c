/* Unit tests of io/loop: events, removal inside a batch, deferral, hooks, timers, sleep. */
#include "io/loop.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

struct peer {
	struct watch watch;
	struct loop *loop;
	unsigned calls;
	uint32_t events;
	struct peer *removes; /* when it becomes ready */
	struct peer *rewatch; /* is removed and put on rewatch_fd */
	int rewatch_fd;
	struct deferred deferred;
};

static struct loop loop;

static void ready(struct watch *w, uint32_t events)
{
	struct peer *p = container_of(w, struct peer, watch);

	p->calls++;
	p->events = events;
	if (p->removes)
		loop_del(p->loop, &p->removes->watch);
	if (p->rewatch) {
		loop_del(p->loop, &p->rewatch->watch);
		assert_int_equal(loop_add(p->loop, &p->rewatch->watch, p->rewatch_fd, EPOLLIN), 0);
	}
}

static struct peer make(void)
{
	return (struct peer){ .watch = { -1, ready }, .loop = &loop };
}

static int setup(void **state)
{
	(void)state;
	return loop_init(&loop);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(&loop);
	clock_thaw();
	return 0;
}

static void pipe_with_byte(int fd[2])
{
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
}

static void close_both(int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static void test_edge_and_level(void **state)
{
	struct peer edge = make(), level = make();
	int a[2], b[2], err = 1;

	(void)state;
	pipe_with_byte(a);
	pipe_with_byte(b);
	assert_int_equal(loop_add(&loop, &edge.watch, a[0], EPOLLIN), 0);
	loop_add_level(&loop, &level.watch, b[0], &err);
	assert_int_equal(err, 0);
	for (int i = 0; i < 3; i++)
		loop_once(&loop, 0);
	assert_int_equal(edge.calls, 1);
	assert_int_equal(level.calls, 3);
	assert_true(edge.events & EPOLLIN);
	assert_int_equal(write(a[1], "y", 1), 1);
	loop_once(&loop, 0);
	assert_int_equal(edge.calls, 2);
	loop_del(&loop, &edge.watch);
	loop_del(&loop, &edge.watch);
	assert_int_equal(edge.watch.fd, -1);
	assert_int_equal(write(a[1], "z", 1), 1);
	loop_once(&loop, 0);
	assert_int_equal(edge.calls, 2);
	close_both(a);
	close_both(b);
}

static void test_add_errors(void **state)
{
	struct peer p = make(), q = make();
	int fd[2], err = 0;

	(void)state;
	pipe_with_byte(fd);
	assert_int_equal(loop_add(&loop, &p.watch, -1, EPOLLIN), -EBADF);
	assert_int_equal(p.watch.fd, -1);
	assert_int_equal(loop_add(&loop, &p.watch, fd[0], EPOLLIN), 0);
	assert_int_equal(loop_add(&loop, &q.watch, fd[0], EPOLLIN), -EEXIST);
	loop_add_level(&loop, &q.watch, fd[0], &err);
	assert_int_equal(err, -EEXIST);
	close_both(fd);
}

/* Two watches become ready together and each removes the other: exactly one is called. */
static void test_removal_inside_the_batch(void **state)
{
	struct peer p = make(), q = make();
	int a[2], b[2];

	(void)state;
	pipe_with_byte(a);
	pipe_with_byte(b);
	p.removes = &q;
	q.removes = &p;
	assert_int_equal(loop_add(&loop, &p.watch, a[0], EPOLLIN), 0);
	assert_int_equal(loop_add(&loop, &q.watch, b[0], EPOLLIN), 0);
	loop_once(&loop, 0);
	assert_int_equal(p.calls + q.calls, 1);
	loop_once(&loop, 0);
	assert_int_equal(p.calls + q.calls, 1);
	close_both(a);
	close_both(b);
}

/* The event of the old descriptor must not be taken for one of the new. */
static void test_rewatch_inside_the_batch(void **state)
{
	struct peer p = make(), q = make();
	int a[2], b[2], idle[2];

	(void)state;
	pipe_with_byte(a);
	pipe_with_byte(b);
	assert_int_equal(pipe2(idle, O_NONBLOCK | O_CLOEXEC), 0);
	p.rewatch = &q;
	p.rewatch_fd = idle[0];
	assert_int_equal(loop_add(&loop, &p.watch, a[0], EPOLLIN), 0);
	assert_int_equal(loop_add(&loop, &q.watch, b[0], EPOLLIN), 0);
	loop_once(&loop, 0);
	assert_int_equal(p.calls, 1);
	assert_int_equal(q.calls, 0);
	assert_int_equal(q.watch.fd, idle[0]);
	close_both(a);
	close_both(b);
	close_both(idle);
}

static void test_hangup_is_reported(void **state)
{
	struct peer p = make();
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(loop_add(&loop, &p.watch, fd[0], EPOLLIN | EPOLLRDHUP), 0);
	close(fd[1]);
	loop_once(&loop, 0);
	assert_true(p.events & EPOLLRDHUP);
	close(fd[0]);
}

static unsigned deferred_runs;

static void run_again(struct deferred *d)
{
	if (++deferred_runs < 3)
		loop_defer(&loop, d, run_again);
}

static void free_owner(struct deferred *d)
{
	free(container_of(d, struct peer, deferred));
}

static void ready_and_gone(struct watch *w, uint32_t events)
{
	struct peer *p = container_of(w, struct peer, watch);

	(void)events;
	loop_del(&loop, w);
	loop_defer(&loop, &p->deferred, free_owner);
}

static void test_deferred(void **state)
{
	struct peer *p = malloc(sizeof(*p));
	struct deferred d, taken_back;
	int fd[2];

	(void)state;
	*p = make();
	p->watch.ready = ready_and_gone;
	pipe_with_byte(fd);
	assert_int_equal(loop_add(&loop, &p->watch, fd[0], EPOLLIN), 0);
	deferred_runs = 0;
	loop_defer(&loop, &d, run_again);
	loop_defer(&loop, &taken_back, free_owner);
	list_remove(&taken_back.link);
	loop_once(&loop, -1); /* does not sleep: work is waiting */
	assert_int_equal(deferred_runs, 1);
	loop_once(&loop, -1);
	assert_int_equal(deferred_runs, 2);
	loop_once(&loop, -1);
	assert_int_equal(deferred_runs, 3);
	close_both(fd);
}

static void test_free_runs_what_is_deferred(void **state)
{
	struct deferred d;
	struct loop l;

	(void)state;
	assert_int_equal(loop_init(&l), 0);
	deferred_runs = 2;
	loop_defer(&l, &d, run_again);
	loop_free(&l);
	assert_int_equal(deferred_runs, 3);
}

static unsigned hook_runs, slept, woke;
static struct deferred from_hook;

static void hook(struct loop_hook *h)
{
	if (++hook_runs == 2)
		list_remove(&h->link);
	loop_defer(&loop, &from_hook, run_again);
}

static void on_sleep(void *ctx, bool sleeping)
{
	assert_ptr_equal(ctx, &slept);
	if (sleeping)
		slept++;
	else
		woke++;
	assert_int_equal(slept, woke + sleeping);
}

static void test_hooks_and_sleep(void **state)
{
	struct loop_hook h = { .run = hook };
	struct peer p = make();
	int fd[2];

	(void)state;
	hook_runs = slept = woke = 0;
	deferred_runs = 10;
	loop.on_sleep = on_sleep;
	loop.on_sleep_ctx = &slept;
	list_push_back(&loop.before_wait, &h.link);
	loop_once(&loop, -1); /* the hook defers, so no sleep */
	assert_int_equal(hook_runs, 1);
	assert_int_equal(deferred_runs, 11);
	loop_once(&loop, -1);
	loop_once(&loop, 0);
	assert_int_equal(hook_runs, 2);
	assert_int_equal(slept, 0);
	pipe_with_byte(fd);
	assert_int_equal(loop_add(&loop, &p.watch, fd[0], EPOLLIN), 0);
	loop_once(&loop, -1);
	assert_int_equal(slept, 1);
	assert_int_equal(woke, 1);
	close_both(fd);
}

static unsigned expired;
static uint64_t expired_ns;

static void expire(struct timer *t)
{
	(void)t;
	expired++;
	expired_ns = loop.now_ns;
	loop_stop(&loop);
}

static void test_timer_ends_the_wait(void **state)
{
	uint64_t start = clock_mono_ns();
	struct timer t;

	(void)state;
	expired = 0;
	timer_init(&t, expire);
	timer_set(&loop.wheel, &t, start / NS_PER_MS + 20);
	loop_run(&loop);
	assert_int_equal(expired, 1);
	assert_true(expired_ns / NS_PER_MS >= start / NS_PER_MS + 20);
}

static void test_timers_follow_the_frozen_clock(void **state)
{
	struct timer t;
	struct loop l;

	(void)state;
	clock_freeze(1000 * NS_PER_S, 0);
	assert_int_equal(loop_init(&l), 0);
	expired = 0;
	timer_init(&t, expire);
	timer_set(&l.wheel, &t, 1000000 + 3600000);
	loop_once(&l, 0);
	assert_int_equal(expired, 0);
	clock_advance(3599 * NS_PER_S);
	loop_once(&l, 0);
	assert_int_equal(expired, 0);
	clock_advance(NS_PER_S);
	loop_once(&l, 0);
	assert_int_equal(expired, 1);
	loop_free(&l);
}

/* At a fixed time, because a wait also ends where the wheel moves timers to a lower level. */
static void test_wait_bounds(void **state)
{
	struct timer t;
	struct loop l;

	(void)state;
	clock_freeze(1000 * NS_PER_S, 0);
	assert_int_equal(loop_init(&l), 0);
	timer_init(&t, expire);
	assert_int_equal(wait_ms(&l, -1), -1);
	assert_int_equal(wait_ms(&l, 7), 7);
	timer_set(&l.wheel, &t, 1000005);
	assert_int_equal(wait_ms(&l, -1), 5);
	assert_int_equal(wait_ms(&l, 3), 3);
	assert_int_equal(wait_ms(&l, 7), 5);
	loop_stop(&l);
	assert_int_equal(wait_ms(&l, -1), 0);
	loop_run(&l); /* stopped before it ran */
	loop_free(&l);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

/* More events than one batch takes: the rest has waited as long as the batches before it took. */
static void slow_ready(struct watch *w, uint32_t events)
{
	ready(w, events);
	clock_freeze(clock_mono_ns() + NS_PER_MS, 0);
}

static void delay_is_measured(void **state)
{
	enum { N = LOOP_BATCH + 44 };
	static struct peer p[N];
	static int fd[N][2];
	(void)state;
	clock_freeze(1000 * NS_PER_S, 0);
	for (int i = 0; i < N; i++) {
		p[i] = make();
		p[i].watch.ready = slow_ready;
		pipe_with_byte(fd[i]);
		assert_int_equal(loop_add(&loop, &p[i].watch, fd[i][0], EPOLLIN), 0);
	}
	loop.seen_all_ns = clock_mono_ns();
	loop_once(&loop, 0);
	assert_int_equal(loop.delay_ns, 0);
	loop_once(&loop, 0);
	assert_int_equal(loop.delay_ns, LOOP_BATCH * NS_PER_MS);
	loop_once(&loop, 0); /* the list had been seen to its end before the 44 were worked on */
	assert_int_equal(loop.delay_ns, 44 * NS_PER_MS);
	loop_once(&loop, 0);
	assert_int_equal(loop.delay_ns, 0);
	for (int i = 0; i < N; i++) {
		assert_int_equal(p[i].calls, 1);
		loop_del(&loop, &p[i].watch);
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_edge_and_level),
		TEST(delay_is_measured),
		TEST(test_add_errors),
		TEST(test_removal_inside_the_batch),
		TEST(test_rewatch_inside_the_batch),
		TEST(test_hangup_is_reported),
		TEST(test_deferred),
		TEST(test_free_runs_what_is_deferred),
		TEST(test_hooks_and_sleep),
		TEST(test_timer_ends_the_wait),
		TEST(test_timers_follow_the_frozen_clock),
		TEST(test_wait_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
