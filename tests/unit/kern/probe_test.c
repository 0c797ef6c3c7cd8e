#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "kern/probe.c"

static void test_rounding(void **state)
{
	(void)state;
	assert_int_equal(round_hz(98.1), 100);
	assert_int_equal(round_hz(103), 100);
	assert_int_equal(round_hz(249), 250);
	assert_int_equal(round_hz(297.5), 300);
	assert_int_equal(round_hz(1021), 1000);
	assert_int_equal(round_hz(24.3), 24); /* unusual kernels keep what was measured */
	assert_int_equal(round_hz(0.1), 1);
}

/* Where BPF runs, the tick must be a plausible one; where it does not, the probe says so in words. */
static void test_measured(void **state)
{
	unsigned hz;

	(void)state;
	if (kern_probe()[0]) {
		assert_true(strlen(kern_probe()) > 10);
		return;
	}
	hz = probe_hz();
	assert_in_range(hz, 24, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rounding), cmocka_unit_test(test_measured) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
