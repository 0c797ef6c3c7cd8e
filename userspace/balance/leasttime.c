/* The item with the least (mean time to the first byte of its last 100 answers) x (1 + in flight) / weight, as in
 * Traefik; one without answers comes first. Times are those that this worker saw. Equal ones take turns. O(n) a pick.
 */
#include "balance/leasttime.h"

#define LEASTTIME_SAMPLES 100

struct leasttime_item {
	uint64_t sum; /* of the samples, in µs */
	uint32_t sample[LEASTTIME_SAMPLES];
	uint16_t n, next;
};

struct leasttime {
	const struct balance_item *items;
	size_t n, next;
	struct leasttime_item state[];
};

static void leasttime_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	struct leasttime *l = self;

	l->items = items;
	l->n = n;
	l->next = rng && n ? rng_below(rng, (uint32_t)n) : 0;
}

static double leasttime_score(const struct leasttime *l, size_t i)
{
	const struct leasttime_item *s = &l->state[i];
	double mean = s->n ? (double)s->sum / s->n : 0;

	return mean * (1.0 + atomic_load_explicit(l->items[i].in_flight, memory_order_relaxed)) / l->items[i].weight;
}

static int leasttime_pick(void *self, uint64_t key)
{
	struct leasttime *l = self;
	double best_score = 0;
	int best = -1;

	(void)key;
	for (size_t k = 0, i = l->next; k < l->n; k++, i = i + 1 < l->n ? i + 1 : 0) {
		double score;

		if (!l->items[i].weight || !atomic_load_explicit(l->items[i].usable, memory_order_relaxed))
			continue;
		score = leasttime_score(l, i);
		if (best >= 0 && score >= best_score)
			continue;
		best = (int)i;
		best_score = score;
	}
	if (best >= 0)
		l->next = (size_t)best + 1 < l->n ? (size_t)best + 1 : 0;
	return best;
}

/* A failed request says nothing about how fast the server answers. */
static void leasttime_end(void *self, int item, uint64_t latency_ns, bool ok)
{
	struct leasttime_item *s = &((struct leasttime *)self)->state[item];
	uint64_t us = latency_ns / 1000;

	if (!ok)
		return;
	us = us > UINT32_MAX ? UINT32_MAX : us ? us : 1;
	s->sum += us - (s->n == LEASTTIME_SAMPLES ? s->sample[s->next] : 0);
	s->sample[s->next] = (uint32_t)us;
	s->next = (uint16_t)((s->next + 1) % LEASTTIME_SAMPLES);
	if (s->n < LEASTTIME_SAMPLES)
		s->n++;
}

const struct balance_ops leasttime_ops = {
	.name = "leasttime",
	.size = sizeof(struct leasttime),
	.item_size = sizeof(struct leasttime_item),
	.init = leasttime_init,
	.pick = leasttime_pick,
	.end = leasttime_end,
};
