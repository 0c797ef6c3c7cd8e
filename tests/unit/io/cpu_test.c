/* Unit tests of io/cpu: counting and pinning within the inherited mask. */
#include "io/cpu.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>

/* Pinning is for ever in a thread, so each case gets its own. */
static void in_thread(void *(*fn)(void *))
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, fn, NULL), 0);
	pthread_join(t, NULL);
}

static unsigned failures;

static void *pin_each(void *arg)
{
	cpu_set_t all, set;
	unsigned at = 0;

	(void)arg;
	sched_getaffinity(0, sizeof(all), &all);
	for (int c = 0; c < CPU_SETSIZE; c++) {
		if (!CPU_ISSET(c, &all))
			continue;
		failures += cpu_pin(at++) != 0;
		sched_getaffinity(0, sizeof(set), &set);
		failures += CPU_COUNT(&set) != 1 || !CPU_ISSET(c, &set);
		failures += cpu_affinity_count() != 1;
		sched_setaffinity(0, sizeof(all), &all);
	}
	return NULL;
}

static void *pin_past_the_end(void *arg)
{
	(void)arg;
	failures += cpu_pin(cpu_affinity_count()) != -EINVAL;
	failures += cpu_pin(~0u) != -EINVAL;
	return NULL;
}

static void test_count(void **state)
{
	cpu_set_t all;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(cpu_affinity_count(), CPU_COUNT(&all));
}

static void test_pin(void **state)
{
	(void)state;
	failures = 0;
	in_thread(pin_each);
	assert_int_equal(failures, 0);
	in_thread(pin_past_the_end);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_count), cmocka_unit_test(test_pin) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
