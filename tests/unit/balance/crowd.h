/* Items to balance over, counts of what was picked, and how far the counts are from what was expected. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "balance/balance.h"
#include "base/hash.h"
#include "base/mem.h"

#define CROWD_MAX 64

struct crowd {
	const struct balance_ops *ops;
	struct balance_item items[CROWD_MAX];
	atomic_bool usable[CROWD_MAX];
	atomic_uint in_flight[CROWD_MAX];
	size_t n;
	void *self;
	struct rng rng;
	unsigned count[CROWD_MAX];
};

static inline void crowd_start(struct crowd *c, const struct balance_ops *ops, const uint32_t *weights, size_t n)
{
	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->n = n;
	rng_seed(&c->rng, 7);
	for (size_t i = 0; i < n; i++) {
		atomic_store(&c->usable[i], true);
		c->items[i] = (struct balance_item){ weights ? weights[i] : 1, &c->usable[i], &c->in_flight[i],
						     hash_bytes(&i, sizeof(i), 99) };
	}
	c->self = mem_zalloc(ops->size + n * ops->item_size);
	ops->init(c->self, c->items, n, &c->rng);
}

static inline void crowd_stop(struct crowd *c)
{
	free(c->self);
}

static inline int crowd_pick(struct crowd *c, uint64_t key)
{
	int i = c->ops->pick(c->self, key);

	if (i >= 0)
		c->count[i]++;
	return i;
}

/* Pearson's statistic of the counts against shares that sum to 1, and its degrees of freedom. The caller compares with
 * a quantile: for 9 degrees 27.9 is passed once in a thousand. */
static inline double crowd_chi_square(const struct crowd *c, const double *shares, unsigned picks)
{
	double sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		double expected = shares[i] * picks, off = c->count[i] - expected;

		if (shares[i] > 0)
			sum += off * off / expected;
		else
			assert_int_equal(c->count[i], 0);
	}
	return sum;
}
