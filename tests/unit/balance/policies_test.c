/* What all policies owe, and how each shares out: chi-square against the shares it promises; for hrw, whose keys move.
 */
#include "crowd.h"

#include "balance/all.c"

#define PICKS 100000
#define CHI_9 27.88 /* 0.999 quantile, 9 degrees of freedom */
#define TEN   10

/* Never one that is down or has no weight, in any state; -1 when there is none. */
static void never_one_that_is_not_usable(void **state)
{
	static const uint32_t weights[TEN] = { 1, 0, 3, 1, 0, 5, 1, 1, 2, 1 };

	(void)state;
	for (const struct balance_ops *const *ops = balance_all; *ops; ops++) {
		struct crowd c;

		crowd_start(&c, *ops, weights, TEN);
		for (int round = 0; round < 3000; round++) {
			size_t flip = rng_below(&c.rng, TEN);
			bool any = false;
			int i;

			atomic_store(&c.usable[flip], !atomic_load(&c.usable[flip]));
			for (size_t k = 0; k < TEN; k++)
				any = any || (weights[k] && atomic_load(&c.usable[k]));
			i = crowd_pick(&c, rng_u64(&c.rng));
			if ((i >= 0) != any || (i >= 0 && (!weights[i] || !atomic_load(&c.usable[i]))))
				fail_msg("%s: item %d", (*ops)->name, i);
			if (i >= 0 && (*ops)->end)
				(*ops)->end(c.self, i, rng_below(&c.rng, 1000000), true);
		}
		crowd_stop(&c);
	}
}

static void none_at_all(void **state)
{
	(void)state;
	for (const struct balance_ops *const *ops = balance_all; *ops; ops++) {
		struct crowd c;

		crowd_start(&c, *ops, NULL, 0);
		assert_int_equal(crowd_pick(&c, 1), -1);
		crowd_stop(&c);
	}
}

static void p2c_shares_evenly_when_idle(void **state)
{
	double shares[TEN];
	struct crowd c;

	(void)state;
	crowd_start(&c, &p2c_ops, NULL, TEN);
	for (size_t i = 0; i < TEN; i++)
		shares[i] = 0.1;
	for (int i = 0; i < PICKS; i++)
		crowd_pick(&c, 0);
	assert_true(crowd_chi_square(&c, shares, PICKS) < CHI_9);
	crowd_stop(&c);
}

/* Item k has k in flight: it wins against those above it. Two of ten at random: (9 - k) / 45. */
static void p2c_prefers_the_less_loaded(void **state)
{
	double shares[TEN];
	struct crowd c;

	(void)state;
	crowd_start(&c, &p2c_ops, NULL, TEN);
	for (unsigned i = 0; i < TEN; i++) {
		atomic_store(&c.in_flight[i], i);
		shares[i] = (9 - i) / 45.0;
	}
	for (int i = 0; i < PICKS; i++)
		crowd_pick(&c, 0);
	assert_true(crowd_chi_square(&c, shares, PICKS) < CHI_9);
	crowd_stop(&c);
}

/* Two of fifty are up: they are found, and as likely, although drawing at random nearly always misses. */
static void p2c_finds_the_few_that_are_up(void **state)
{
	struct crowd c;

	(void)state;
	crowd_start(&c, &p2c_ops, NULL, 50);
	for (size_t i = 0; i < 50; i++)
		atomic_store(&c.usable[i], i == 7 || i == 31);
	for (int i = 0; i < 10000; i++)
		crowd_pick(&c, 0);
	assert_in_range(c.count[7], 4800, 5200);
	assert_int_equal(c.count[7] + c.count[31], 10000);
	crowd_stop(&c);
}

/* Requests that stay: the number in flight follows the weights as closely as whole numbers can. */
static void leastconn_fills_by_weight(void **state)
{
	static const uint32_t weights[] = { 1, 2, 3, 0, 4 };
	struct crowd c;

	(void)state;
	crowd_start(&c, &leastconn_ops, weights, 5);
	for (int i = 0; i < 1000; i++)
		atomic_fetch_add(&c.in_flight[crowd_pick(&c, 0)], 1);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(atomic_load(&c.in_flight[i]), weights[i] * 100);
	crowd_stop(&c);
}

static void leastconn_takes_turns_when_idle(void **state)
{
	struct crowd c;

	(void)state;
	crowd_start(&c, &leastconn_ops, NULL, TEN);
	for (int i = 0; i < 1000; i++)
		crowd_pick(&c, 0);
	for (size_t i = 0; i < TEN; i++)
		assert_int_equal(c.count[i], 100);
	crowd_stop(&c);
}

static void leasttime_tries_the_unknown_then_the_fast(void **state)
{
	struct crowd c;

	(void)state;
	crowd_start(&c, &leasttime_ops, NULL, 4);
	for (int i = 0; i < 4; i++) {
		int item = crowd_pick(&c, 0);

		assert_int_equal(c.count[item], 1);
		leasttime_ops.end(c.self, item, (uint64_t)(item + 1) * 10000000, true);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(crowd_pick(&c, 0), 0);
	/* Twice as fast, and more than twice as busy. */
	atomic_store(&c.in_flight[0], 2);
	assert_int_equal(crowd_pick(&c, 0), 1);
	/* A hundred fast answers push the slow one out of the window; failures say nothing. */
	for (int i = 0; i < 100; i++)
		leasttime_ops.end(c.self, 3, 1000000, true);
	leasttime_ops.end(c.self, 3, 60000000000, false);
	assert_int_equal(crowd_pick(&c, 0), 3);
	crowd_stop(&c);
}

static void leasttime_divides_by_weight(void **state)
{
	static const uint32_t weights[] = { 1, 3 };
	struct crowd c;

	(void)state;
	crowd_start(&c, &leasttime_ops, weights, 2);
	leasttime_ops.end(c.self, 0, 10000000, true);
	leasttime_ops.end(c.self, 1, 20000000, true);
	assert_int_equal(crowd_pick(&c, 0), 1);
	leasttime_ops.end(c.self, 1, 100000000, true);
	assert_int_equal(crowd_pick(&c, 0), 0);
	crowd_stop(&c);
}

static void hrw_shares_by_weight(void **state)
{
	static const uint32_t weights[TEN] = { 1, 2, 3, 4, 5, 0, 5, 10, 20, 50 };
	double shares[TEN];
	struct crowd c;

	(void)state;
	crowd_start(&c, &hrw_ops, weights, TEN);
	for (size_t i = 0; i < TEN; i++)
		shares[i] = weights[i] / 100.0;
	for (int i = 0; i < PICKS; i++)
		crowd_pick(&c, rng_u64(&c.rng));
	assert_true(crowd_chi_square(&c, shares, PICKS) < CHI_9);
	crowd_stop(&c);
}

/* Keys that are alike, as addresses of one network are, spread as well. */
static void hrw_spreads_neighbouring_keys(void **state)
{
	double shares[TEN];
	struct crowd c;

	(void)state;
	crowd_start(&c, &hrw_ops, NULL, TEN);
	for (size_t i = 0; i < TEN; i++)
		shares[i] = 0.1;
	for (unsigned i = 0; i < PICKS; i++)
		crowd_pick(&c, i);
	assert_true(crowd_chi_square(&c, shares, PICKS) < CHI_9);
	crowd_stop(&c);
}

/* One goes: its keys move, nobody else's, and they spread over all the others. It comes back: all is as it was. */
static void hrw_moves_only_what_it_must(void **state)
{
	enum { KEYS = 20000, GONE = 3 };
	static int before[KEYS];
	double shares[TEN];
	struct crowd c;
	unsigned moved = 0;

	(void)state;
	crowd_start(&c, &hrw_ops, NULL, TEN);
	for (int k = 0; k < KEYS; k++)
		before[k] = hrw_ops.pick(c.self, (uint64_t)k);
	atomic_store(&c.usable[GONE], false);
	for (int k = 0; k < KEYS; k++) {
		if (before[k] != GONE)
			assert_int_equal(hrw_ops.pick(c.self, (uint64_t)k), before[k]);
		else
			moved += crowd_pick(&c, (uint64_t)k) >= 0;
	}
	assert_in_range(moved, KEYS / TEN * 0.9, KEYS / TEN * 1.1);
	for (size_t i = 0; i < TEN; i++)
		shares[i] = i == GONE ? 0 : 1 / 9.0;
	assert_true(crowd_chi_square(&c, shares, moved) < CHI_9);
	atomic_store(&c.usable[GONE], true);
	for (int k = 0; k < KEYS; k++)
		assert_int_equal(hrw_ops.pick(c.self, (uint64_t)k), before[k]);
	crowd_stop(&c);
}

/* The choice is that of the names, not of their order: workers and agents agree. */
static void hrw_does_not_depend_on_the_order(void **state)
{
	struct crowd c;

	(void)state;
	crowd_start(&c, &hrw_ops, NULL, TEN);
	for (uint64_t key = 0; key < 1000; key++) {
		uint64_t chosen = c.items[hrw_ops.pick(c.self, key)].identity;
		struct balance_item first = c.items[0];

		memmove(c.items, c.items + 1, 9 * sizeof(first));
		c.items[9] = first;
		assert_true(c.items[hrw_ops.pick(c.self, key)].identity == chosen);
	}
	crowd_stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_one_that_is_not_usable),
		cmocka_unit_test(none_at_all),
		cmocka_unit_test(p2c_shares_evenly_when_idle),
		cmocka_unit_test(p2c_prefers_the_less_loaded),
		cmocka_unit_test(p2c_finds_the_few_that_are_up),
		cmocka_unit_test(leastconn_fills_by_weight),
		cmocka_unit_test(leastconn_takes_turns_when_idle),
		cmocka_unit_test(leasttime_tries_the_unknown_then_the_fast),
		cmocka_unit_test(leasttime_divides_by_weight),
		cmocka_unit_test(hrw_shares_by_weight),
		cmocka_unit_test(hrw_spreads_neighbouring_keys),
		cmocka_unit_test(hrw_moves_only_what_it_must),
		cmocka_unit_test(hrw_does_not_depend_on_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
