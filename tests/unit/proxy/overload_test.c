/* When a worker begins and ends to refuse: time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "proxy/overload.c"

#define MS     NS_PER_MS
#define TARGET (50 * MS)

static void bursts_may_wait(void **state)
{
	struct overload o = { 0 };
	(void)state;
	for (uint64_t t = 1000; t < 100000; t += 90) { /* late for 90 ms, on time once, and so on */
		assert_false(overload_note(&o, t * MS, 900 * MS, TARGET));
		assert_false(overload_note(&o, (t + 89) * MS, 900 * MS, TARGET));
		assert_false(overload_note(&o, (t + 89) * MS, TARGET - 1, TARGET));
		assert_false(o.shedding);
	}
}

static void standing_queues_may_not(void **state)
{
	struct overload o = { 0 };
	(void)state;
	assert_false(overload_note(&o, 1000 * MS, TARGET, TARGET));
	assert_false(overload_note(&o, 1099 * MS, TARGET, TARGET));
	assert_true(overload_note(&o, 1100 * MS, TARGET, TARGET));
	assert_true(o.shedding);
	assert_false(overload_note(&o, 5000 * MS, 10 * TARGET, TARGET));
	assert_true(o.shedding);
	assert_true(overload_note(&o, 5001 * MS, 0, TARGET)); /* on time again: at once */
	assert_false(o.shedding);
	assert_false(overload_note(&o, 5002 * MS, TARGET, TARGET)); /* and the interval begins anew */
	assert_false(overload_note(&o, 5101 * MS, TARGET, TARGET));
	assert_false(o.shedding);
}

/* At twice the target half of the requests go, evenly; at the target none. */
static void refuses_its_share(void **state)
{
	struct overload o = { 0 };
	unsigned refused = 0;
	(void)state;
	assert_false(overload_refuses(&o));
	overload_note(&o, 1000 * MS, 2 * TARGET, TARGET);
	assert_false(overload_refuses(&o));
	overload_note(&o, 1100 * MS, 2 * TARGET, TARGET);
	for (int i = 0; i < 1000; i++) {
		refused += overload_refuses(&o);
		assert_in_range(refused, (unsigned)i / 2, (unsigned)i / 2 + 1);
	}
	overload_note(&o, 1101 * MS, 100 * TARGET, TARGET);
	refused = 0;
	for (int i = 0; i < 1000; i++)
		refused += overload_refuses(&o);
	assert_in_range(refused, 985, 995);
	overload_note(&o, 1102 * MS, TARGET, TARGET);
	for (int i = 0; i < 100; i++)
		assert_false(overload_refuses(&o));
}

static void switched_off(void **state)
{
	struct overload o = { 0 };
	(void)state;
	for (uint64_t t = 1; t < 100; t++)
		assert_false(overload_note(&o, t * NS_PER_S, NS_PER_S, 0));
	assert_false(o.shedding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts_may_wait),
		cmocka_unit_test(standing_queues_may_not),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(refuses_its_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
