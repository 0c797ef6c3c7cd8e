/* What a balancing policy is. One instance per worker and service, so no locks: a policy sees only its worker's view
 * plus the targets' shared facts (up, weight, in flight), which it reads through the items below. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/rng.h"

/* What a policy knows of a target. `usable` is shared by all workers: health and draining. */
struct balance_item {
	uint32_t weight; /* 0: never picked */
	const atomic_bool *usable;
	const atomic_uint *in_flight; /* over all workers */
	uint64_t identity;	      /* hash of the server's name: the same on every worker, and after a reload */
};

struct balance_ops {
	const char *name;
	bool by_client; /* wants the hash of the client's address as key */
	size_t size;	/* of the instance for n items: size + n * item_size */
	size_t item_size;
	void (*init)(void *self, const struct balance_item *items, size_t n,
		     struct rng *rng); /* memory is zeroed; items outlive it */
	/* Index of the chosen item, or -1 when none is usable. `key` is the affinity hash (0 when the policy needs
	 * none). */
	int (*pick)(void *self, uint64_t key);
	void (*end)(void *self, int item, uint64_t latency_ns, bool ok); /* may be NULL */
};

extern const struct balance_ops *const balance_all[]; /* ends with NULL; index is enum lb_strategy */
