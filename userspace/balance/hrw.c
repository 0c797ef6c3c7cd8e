/* Highest random weight (Thaler and Ravishankar, 1998), weighted as in Schindelhauer and Schomaker, "Weighted
 * Distributed Hash Tables" (2005): every item draws a number from the key and its own identity, -weight / ln(number)
 * decides. When an item goes only its own keys move, each to the item that was second for it; when it comes back they
 * return. O(n) a pick. */
#include "balance/hrw.h"

#include <math.h>

#include "base/hash.h"

struct hrw {
	const struct balance_item *items;
	size_t n;
};

static void hrw_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	(void)rng;
	*(struct hrw *)self = (struct hrw){ items, n };
}

/* In (0, 1): 53 bits of the hash, moved by half a step so that neither end is reached. */
static double hrw_draw(uint64_t key, uint64_t identity)
{
	return ((double)(hash_bytes(&key, sizeof(key), identity) >> 11) + 0.5) * 0x1p-53;
}

static int hrw_pick(void *self, uint64_t key)
{
	const struct hrw *h = self;
	double best_score = 0;
	int best = -1;

	for (size_t i = 0; i < h->n; i++) {
		const struct balance_item *item = &h->items[i];
		double score;

		if (!item->weight || !atomic_load_explicit(item->usable, memory_order_relaxed))
			continue;
		score = -(double)item->weight / log(hrw_draw(key, item->identity));
		if (best >= 0 && score <= best_score)
			continue;
		best = (int)i;
		best_score = score;
	}
	return best;
}

const struct balance_ops hrw_ops = {
	.name = "hrw",
	.size = sizeof(struct hrw),
	.by_client = true,
	.init = hrw_init,
	.pick = hrw_pick,
};
