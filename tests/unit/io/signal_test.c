/* Unit tests of io/signal: delivery through the loop, freeing from the callback. */
#include "io/signal.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static struct loop loop;
static int seen[8];
static unsigned count;

static void note(struct signal_watch *s, int signo)
{
	(void)s;
	seen[count++ % 8] = signo;
}

static void note_and_free(struct signal_watch *s, int signo)
{
	note(s, signo);
	signal_watch_free(s);
}

static void test_signals_are_events(void **state)
{
	static const int signals[] = { SIGHUP, SIGUSR1 };
	struct signal_watch s;

	(void)state;
	count = 0;
	assert_int_equal(signal_watch_init(&s, &loop, signals, 2, note), 0);
	loop_once(&loop, 0);
	assert_int_equal(count, 0);
	raise(SIGUSR1); /* blocked, else it would end the test */
	raise(SIGHUP);
	loop_once(&loop, -1);
	assert_int_equal(count, 2);
	assert_int_equal(seen[0] + seen[1], SIGHUP + SIGUSR1);
	raise(SIGHUP);
	loop_once(&loop, -1);
	assert_int_equal(count, 3);
	signal_watch_free(&s);
	signal_watch_free(&s);
}

static void test_free_from_the_callback(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	struct signal_watch s;
	struct timespec now = { 0 };
	sigset_t rest;

	(void)state;
	count = 0;
	assert_int_equal(signal_watch_init(&s, &loop, signals, 2, note_and_free), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	loop_once(&loop, -1);
	loop_once(&loop, 0);
	assert_int_equal(count, 1);
	assert_int_equal(s.watch.fd, -1);
	sigemptyset(&rest);
	sigaddset(&rest, SIGUSR2);
	assert_int_equal(sigtimedwait(&rest, NULL, &now), SIGUSR2); /* still pending, still blocked */
}

static void test_bad_signal(void **state)
{
	static const int signals[] = { SIGWINCH, 4711 };
	struct signal_watch s;
	sigset_t mask;

	(void)state;
	assert_int_equal(signal_watch_init(&s, &loop, signals, 2, note), -EINVAL);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGWINCH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_events),
		cmocka_unit_test(test_free_from_the_callback),
		cmocka_unit_test(test_bad_signal),
	};
	int r;

	if (loop_init(&loop))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(&loop);
	return r;
}
