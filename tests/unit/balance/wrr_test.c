/* Smooth weighted round robin: proportions, smoothness, items that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "balance/wrr.c"

#define ITEMS_MAX 8

struct fixture {
	struct balance_item items[ITEMS_MAX];
	atomic_bool usable[ITEMS_MAX];
	atomic_uint in_flight;
	void *self;
	size_t n;
	unsigned count[ITEMS_MAX];
};

static void start(struct fixture *f, const uint32_t *weights, size_t n, struct rng *rng)
{
	*f = (struct fixture){ .n = n };
	for (size_t i = 0; i < n; i++) {
		atomic_store(&f->usable[i], true);
		f->items[i] = (struct balance_item){ weights[i], &f->usable[i], &f->in_flight };
	}
	f->self = mem_zalloc(wrr_ops.size + n * wrr_ops.item_size);
	wrr_ops.init(f->self, f->items, n, rng);
}

static void stop(struct fixture *f)
{
	free(f->self);
}

static void pick_many(struct fixture *f, unsigned times)
{
	memset(f->count, 0, sizeof(f->count));
	while (times--) {
		int i = wrr_ops.pick(f->self, 0);

		assert_in_range(i, 0, f->n - 1);
		f->count[i]++;
	}
}

/* The example of nginx's commit message: 5, 1, 1 gives a a b a c a a. */
static void order_is_that_of_nginx(void **state)
{
	static const uint32_t weights[] = { 5, 1, 1 };
	static const int want[] = { 0, 0, 1, 0, 2, 0, 0 };
	struct fixture f;

	(void)state;
	start(&f, weights, 3, NULL);
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < ARRAY_LEN(want); i++)
			assert_int_equal(wrr_ops.pick(f.self, 0), want[i]);
	stop(&f);
}

/* In any window as long as the sum of the weights, wherever it begins and whatever the phase. */
static void proportions_are_exact(void **state)
{
	static const uint32_t weights[] = { 7, 0, 3, 1, 12, 3 };
	const unsigned sum = 26;
	struct rng rng;

	(void)state;
	for (unsigned seed = 0; seed < 50; seed++) {
		struct fixture f;

		rng_seed(&rng, seed);
		start(&f, weights, ARRAY_LEN(weights), seed ? &rng : NULL);
		pick_many(&f, seed + 1);
		for (int round = 0; round < 3; round++) {
			pick_many(&f, sum);
			for (size_t i = 0; i < ARRAY_LEN(weights); i++)
				assert_int_equal(f.count[i], weights[i]);
		}
		stop(&f);
	}
}

/* At no time is an item more than one pick away from its share. */
static void turns_are_spread(void **state)
{
	static const uint32_t weights[] = { 10, 5, 2, 1 };
	unsigned count[4] = { 0 };
	struct fixture f;

	(void)state;
	start(&f, weights, 4, NULL);
	for (unsigned t = 1; t <= 180; t++) {
		count[wrr_ops.pick(f.self, 0)]++;
		for (size_t i = 0; i < 4; i++) {
			double share = (double)t * weights[i] / 18;

			assert_true(count[i] > share - 1.5 && count[i] < share + 1.5);
		}
	}
	stop(&f);
}

static void nothing_to_pick(void **state)
{
	static const uint32_t zero[] = { 0, 0 }, one[] = { 1, 1 };
	struct fixture f;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1);
	start(&f, NULL, 0, &rng);
	assert_int_equal(wrr_ops.pick(f.self, 0), -1);
	stop(&f);
	start(&f, zero, 1, &rng);
	assert_int_equal(wrr_ops.pick(f.self, 0), -1);
	stop(&f);
	start(&f, zero, 2, &rng);
	assert_int_equal(wrr_ops.pick(f.self, 0), -1);
	stop(&f);
	start(&f, one, 2, &rng);
	atomic_store(&f.usable[0], false);
	assert_int_equal(wrr_ops.pick(f.self, 0), 1);
	atomic_store(&f.usable[1], false);
	assert_int_equal(wrr_ops.pick(f.self, 0), -1);
	atomic_store(&f.usable[0], true);
	assert_int_equal(wrr_ops.pick(f.self, 0), 0);
	stop(&f);
}

static void one_item(void **state)
{
	static const uint32_t weights[] = { 3 };
	struct fixture f;

	(void)state;
	start(&f, weights, 1, NULL);
	assert_int_equal(wrr_ops.pick(f.self, 0), 0);
	atomic_store(&f.usable[0], false);
	assert_int_equal(wrr_ops.pick(f.self, 0), -1);
	atomic_store(&f.usable[0], true);
	assert_int_equal(wrr_ops.pick(f.self, 0), 0);
	stop(&f);
}

/* However long an item was away, on its return it gets its share and no more. */
static void no_burst_on_return(void **state)
{
	static const uint32_t weights[] = { 1, 1, 1, 1 };
	struct fixture f;

	(void)state;
	for (unsigned away = 0; away < 4; away++) {
		for (unsigned before = 0; before < 8; before++) {
			start(&f, weights, 4, NULL);
			pick_many(&f, before);
			atomic_store(&f.usable[away], false);
			pick_many(&f, 999);
			assert_int_equal(f.count[away], 0);
			for (size_t i = 0; i < 4; i++)
				assert_true(i == away || (f.count[i] >= 332 && f.count[i] <= 334));
			atomic_store(&f.usable[away], true);
			for (int window = 0; window < 4; window++) {
				pick_many(&f, 8);
				for (size_t i = 0; i < 4; i++)
					assert_in_range(f.count[i], 1, 3);
			}
			stop(&f);
		}
	}
}

/* An item that flaps all the time neither disturbs the shares of the others nor gains, and credit stays bounded. */
static void flapping_moves_no_load(void **state)
{
	static const uint32_t weights[] = { 4, 2, 1, 2 };
	struct fixture f;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 9);
	start(&f, weights, 4, NULL);
	unsigned total[4] = { 0 }, up = 0;

	for (int i = 0; i < 40000; i++) {
		bool on = rng_below(&rng, 2);

		atomic_store(&f.usable[3], on);
		up += on;
		total[wrr_ops.pick(f.self, 0)]++;
		const struct wrr *w = f.self;
		int64_t sum = 0;

		for (size_t k = 0; k < 4; k++) {
			assert_in_range(w->state[k].credit + 20, 0, 40);
			sum += w->state[k].credit;
		}
		assert_in_range(sum + 4, 0, 8);
	}
	/* It forfeits what it had saved up at each departure, so it gets less than its 2 of 9 parts, never more. */
	assert_in_range(total[3], up * 2 / 9 / 2, up * 2 / 9);
	assert_in_range(total[0], total[1] * 2 * 95 / 100, total[1] * 2 * 105 / 100);
	assert_in_range(total[1], total[2] * 2 * 95 / 100, total[2] * 2 * 105 / 100);
	stop(&f);
}

static void workers_begin_with_different_items(void **state)
{
	static const uint32_t weights[] = { 1, 1, 1, 1 };
	unsigned first[4] = { 0 };
	struct rng rng;

	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct fixture f;

		rng_seed(&rng, seed);
		start(&f, weights, 4, &rng);
		first[wrr_ops.pick(f.self, 0)]++;
		stop(&f);
	}
	for (size_t i = 0; i < 4; i++)
		assert_in_range(first[i], 25, 75);
}

static void large_weights(void **state)
{
	static const uint32_t weights[] = { UINT32_MAX, UINT32_MAX, 1 };
	struct fixture f;

	(void)state;
	start(&f, weights, 3, NULL);
	pick_many(&f, 1000);
	assert_int_equal(f.count[0], 500);
	assert_int_equal(f.count[1], 500);
	atomic_store(&f.usable[0], false);
	pick_many(&f, 1000);
	assert_true(f.count[1] >= 999);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_nginx),
		cmocka_unit_test(proportions_are_exact),
		cmocka_unit_test(turns_are_spread),
		cmocka_unit_test(nothing_to_pick),
		cmocka_unit_test(one_item),
		cmocka_unit_test(no_burst_on_return),
		cmocka_unit_test(flapping_moves_no_load),
		cmocka_unit_test(workers_begin_with_different_items),
		cmocka_unit_test(large_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
