/* Smooth weighted round robin, the algorithm of nginx's upstream module: every pick raises each item's credit by its
 * weight, takes the highest, and charges it the sum of the weights. Over as many picks as that sum each item gets
 * exactly its weight, and an item's turns are spread as evenly as they can be. O(n) a pick. */
#include "balance/wrr.h"

#define WRR_PHASE_MAX 64 /* picks made in advance, at most, so that workers do not all begin with the same item */

struct wrr_item {
	int64_t credit; /* all zero in sum, and less than the sum of weights each */
	bool up;	/* usable and of weight, at the last pick */
};

struct wrr {
	const struct balance_item *items;
	size_t n;
	int64_t weights; /* sum over the items that are up */
	struct wrr_item state[];
};

static bool wrr_is_up(const struct balance_item *item)
{
	return item->weight > 0 && atomic_load_explicit(item->usable, memory_order_relaxed);
}

/* After items came or went: one that comes starts from nothing, and what those that went had or owed is spread over the
 * rest by weight. Were it left, credit would pile up with every change until an item that returns gets a burst. */
static void wrr_rebalance(struct wrr *w)
{
	int64_t surplus = 0;

	w->weights = 0;
	for (size_t i = 0; i < w->n; i++) {
		if (!w->state[i].up) {
			w->state[i].credit = 0;
			continue;
		}
		w->weights += w->items[i].weight;
		surplus += w->state[i].credit;
	}
	if (w->weights == 0 || surplus == 0)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (w->state[i].up)
			w->state[i].credit -= (int64_t)((__int128)surplus * w->items[i].weight / w->weights);
}

static void wrr_update(struct wrr *w)
{
	bool changed = false;

	for (size_t i = 0; i < w->n; i++) {
		bool up = wrr_is_up(&w->items[i]);

		changed = changed || up != w->state[i].up;
		w->state[i].up = up;
	}
	if (changed)
		wrr_rebalance(w);
}

/* The next item among those marked up, the first of equals. */
static int wrr_next(struct wrr *w)
{
	int best = -1;

	for (size_t i = 0; i < w->n; i++) {
		if (!w->state[i].up)
			continue;
		w->state[i].credit += w->items[i].weight;
		if (best < 0 || w->state[i].credit > w->state[best].credit)
			best = (int)i;
	}
	if (best >= 0)
		w->state[best].credit -= w->weights;
	return best;
}

/* `rng` may be NULL: then the first pick is that of the heaviest item. */
static void wrr_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	struct wrr *w = self;
	uint32_t ahead = 0;

	w->items = items;
	w->n = n;
	wrr_update(w);
	if (rng && w->weights > 0)
		ahead = rng_below(rng, w->weights < WRR_PHASE_MAX ? (uint32_t)w->weights : WRR_PHASE_MAX);
	while (ahead--)
		wrr_next(w);
}

static int wrr_pick(void *self, uint64_t key)
{
	struct wrr *w = self;

	(void)key;
	if (w->n == 1)
		return wrr_is_up(&w->items[0]) ? 0 : -1;
	wrr_update(w);
	return wrr_next(w);
}

const struct balance_ops wrr_ops = {
	.name = "wrr",
	.size = sizeof(struct wrr),
	.item_size = sizeof(struct wrr_item),
	.init = wrr_init,
	.pick = wrr_pick,
};
