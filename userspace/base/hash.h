/* Non-cryptographic hashing (XXH3) and its seed. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
static inline uint64_t hash_str(struct str s, uint64_t seed)
{
	return hash_bytes(s.p, s.n, seed);
}
