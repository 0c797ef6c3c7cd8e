/* What a pick costs with each balancing policy and 3 to 1,000 servers, none of them loaded. */
#include <stdio.h>
#include <stdlib.h>

#include "balance/balance.h"
#include "base/clock.h"
#include "base/mem.h"

#define PICKS 20000
#define MAX   1000

static double pick_ns(const struct balance_ops *ops, size_t n)
{
	static atomic_bool usable = true;
	static atomic_uint in_flight;
	static struct balance_item items[MAX];
	void *self = mem_zalloc(ops->size + n * ops->item_size);
	struct rng rng;
	uint64_t start, sum = 0;

	rng_seed(&rng, 1);
	for (size_t i = 0; i < n; i++)
		items[i] = (struct balance_item){ 1 + (uint32_t)i % 5, &usable, &in_flight, rng_u64(&rng) };
	ops->init(self, items, n, &rng);
	start = clock_mono_ns();
	for (uint64_t k = 0; k < PICKS; k++)
		sum += (uint64_t)ops->pick(self, k);
	start = clock_mono_ns() - start;
	free(self);
	return sum ? (double)start / PICKS : 0;
}

int main(void)
{
	static const size_t sizes[] = { 3, 10, 100, MAX };

	printf("balance: ns per pick\n%-12s", "");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		printf(" %5zu servers", sizes[i]);
	for (const struct balance_ops *const *ops = balance_all; *ops; ops++) {
		printf("\n%-12s", (*ops)->name);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			printf(" %13.0f", pick_ns(*ops, sizes[i]));
	}
	putchar('\n');
	return 0;
}
