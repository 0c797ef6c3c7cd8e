/* Two different items at random, and of these the one with fewer requests in flight (Mitzenmacher, "The Power of Two
 * Choices in Randomized Load Balancing", 2001): nearly as even as asking all, for the price of two. As in Traefik
 * weights only say whether an item is used at all. */
#include "balance/p2c.h"

#define P2C_TRIES 8 /* random draws before the items that are up are counted */

struct p2c {
	const struct balance_item *items;
	size_t n;
	struct rng *rng;
};

static bool p2c_is_up(const struct p2c *p, size_t i)
{
	return p->items[i].weight > 0 && atomic_load_explicit(p->items[i].usable, memory_order_relaxed);
}

static void p2c_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	*(struct p2c *)self = (struct p2c){ items, n, rng };
}

/* Any item that is up but `other`, each as likely; -1: none. */
static int p2c_scan(const struct p2c *p, int other)
{
	uint32_t seen = 0;
	int chosen = -1;

	for (size_t i = 0; i < p->n; i++)
		if ((int)i != other && p2c_is_up(p, i) && rng_below(p->rng, ++seen) == 0)
			chosen = (int)i;
	return chosen;
}

static int p2c_draw(const struct p2c *p, int other)
{
	for (int tries = 0; tries < P2C_TRIES; tries++) {
		int i = (int)rng_below(p->rng, (uint32_t)p->n);

		if (i != other && p2c_is_up(p, (size_t)i))
			return i;
	}
	return p2c_scan(p, other);
}

static uint32_t p2c_load(const struct p2c *p, int i)
{
	return atomic_load_explicit(p->items[i].in_flight, memory_order_relaxed);
}

static int p2c_pick(void *self, uint64_t key)
{
	const struct p2c *p = self;
	int first, second;

	(void)key;
	first = p->n ? p2c_draw(p, -1) : -1;
	if (first < 0)
		return -1;
	second = p->n > 1 ? p2c_draw(p, first) : -1;
	return second >= 0 && p2c_load(p, second) < p2c_load(p, first) ? second : first;
}

const struct balance_ops p2c_ops = {
	.name = "p2c",
	.size = sizeof(struct p2c),
	.init = p2c_init,
	.pick = p2c_pick,
};
