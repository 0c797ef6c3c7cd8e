/* Builds the lookup table of a consistent hash, as Maglev has it (Eisenbud et al., "Maglev: A Fast and Reliable
 * Software Network Load Balancer", NSDI 2016), weighted, and filled so that a change moves hardly more than it must.
 * Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct maglev_backend {
	uint64_t hash;	 /* identity: equal on every node and across restarts */
	uint32_t weight; /* 0: gets no row */
	uint16_t id;	 /* value written into the rows it gets */
};

#define MAGLEV_NONE 0xffff

/* Fills rows[0..size-1] (size prime) with backend ids; every row is MAGLEV_NONE when no backend has weight.
 * Which backend owns a row depends only on the set of hashes and weights: not on order, ids or what was before.
 * A backend gets at most its share of rows + 1/33, and at least its share - 1/16, as far as whole rows allow; half a
 * row's share is a row if there are enough. 0 or -ENOMEM/-EINVAL (size not a prime below 2^20, n beyond 2^16, an id
 * MAGLEV_NONE). */
int maglev_build(uint16_t *rows, size_t size, const struct maglev_backend *backends, size_t n);
