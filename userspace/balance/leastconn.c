/* The item for which one request more means the least load: (in flight + 1) / weight. The search begins one item
 * further each time, so equal ones take turns. What is in flight is counted over all workers. O(n) a pick. */
#include "balance/leastconn.h"

struct leastconn {
	const struct balance_item *items;
	size_t n, next;
};

/* With a random beginning, or else every worker would send its first request to the same item. */
static void leastconn_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	*(struct leastconn *)self = (struct leastconn){ items, n, rng && n ? rng_below(rng, (uint32_t)n) : 0 };
}

static int leastconn_pick(void *self, uint64_t key)
{
	struct leastconn *l = self;
	uint64_t best_load = 0, best_weight = 0;
	int best = -1;

	(void)key;
	if (!l->n)
		return -1;
	for (size_t k = 0, i = l->next; k < l->n; k++, i = i + 1 < l->n ? i + 1 : 0) {
		const struct balance_item *item = &l->items[i];
		uint64_t load;

		if (!item->weight || !atomic_load_explicit(item->usable, memory_order_relaxed))
			continue;
		load = (uint64_t)atomic_load_explicit(item->in_flight, memory_order_relaxed) + 1;
		if (best >= 0 && load * best_weight >= best_load * item->weight)
			continue;
		best = (int)i;
		best_load = load;
		best_weight = item->weight;
	}
	if (best >= 0)
		l->next = (size_t)best + 1 < l->n ? (size_t)best + 1 : 0;
	return best;
}

const struct balance_ops leastconn_ops = {
	.name = "leastconn",
	.size = sizeof(struct leastconn),
	.init = leastconn_init,
	.pick = leastconn_pick,
};
