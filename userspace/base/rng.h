/* Seedable randomness for balancing and jitter (xoshiro256**, Blackman & Vigna 2018). Not for secrets: use
 * getrandom(2). */
#pragma once
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); /* 0..n-1, unbiased; n > 0 */
