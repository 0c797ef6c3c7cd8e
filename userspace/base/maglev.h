/* Weighted Maglev table builder (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
 * Balancer", NSDI 2016, §3.4; weights by letting a backend take its turn in proportion to its weight). Pure. */
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
 * The result depends only on the set of backends, not on their order. 0 or -ENOMEM/-EINVAL. */
int maglev_build(uint16_t *rows, size_t size, const struct maglev_backend *backends, size_t n);
