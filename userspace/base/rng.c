/* xoshiro256** 1.0 (Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018), state filled by
 * splitmix64 as its authors recommend. */
#include "base/rng.h"

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix64(&seed);
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* Multiply and reject (Lemire, "Fast Random Integer Generation in an Interval", 2019). */
uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint64_t m = (rng_u64(r) >> 32) * n;

	if ((uint32_t)m < n) {
		uint32_t reject = -n % n;

		while ((uint32_t)m < reject)
			m = (rng_u64(r) >> 32) * n;
	}
	return (uint32_t)(m >> 32);
}
