/* The flow hash of lb/hash.h under this load's key. */
#pragma once
#include "kit/pkt.h"
#include "lb/hash.h"

const volatile struct lb_hash_key hash_key = { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
						 0x082efa98, 0xec4e6c89, 0x452821e6, 0x38d01377 } };

/* The words may be read in any order, which volatile forbids; but the compiler must not take them for known. */
INLINE const struct lb_hash_key *hash_words(void)
{
	const struct lb_hash_key *k = (const struct lb_hash_key *)&hash_key;

	OPAQUE(k);
	return k;
}

INLINE __u64 hash_tuple(const struct lb_tuple *t)
{
	return lb_hash_tuple(t, hash_words());
}
