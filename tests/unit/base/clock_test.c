/* Unit tests of base/clock: running and frozen. */
#include "base/clock.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_running(void **state)
{
	uint64_t a = clock_mono_ns(), b = clock_mono_ns();

	(void)state;
	assert_true(b >= a && a > 0);
	assert_true(clock_wall_ns() > 1700000000ull * NS_PER_S);
}

static void test_frozen(void **state)
{
	(void)state;
	clock_freeze(5, 100);
	assert_int_equal(clock_mono_ns(), 5);
	assert_int_equal(clock_wall_ns(), 100);
	clock_advance(NS_PER_MS);
	assert_int_equal(clock_mono_ns(), 1000005);
	assert_int_equal(clock_wall_ns(), 1000100);
	clock_thaw();
	assert_true(clock_wall_ns() > 1700000000ull * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_running), cmocka_unit_test(test_frozen) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
