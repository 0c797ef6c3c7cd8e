/* The flow hash: NH (Black et al., "UMAC", CRYPTO 1999, §4): sums of products of pairs of words, each word offset by a
 * secret; its multiplications do not wait for each other. Then one round of mixing. Decides flow bucket and tag, Maglev
 * row and first source port. The table is pinned under its values: who changes it raises LB_ABI. */
#pragma once
#include "kit/knob.h"
#include "kit/pkt.h"

INLINE __u64 hash_pair(__u32 a, __u32 b, __u32 ka, __u32 kb)
{
	return (__u64)(__u32)(a + (ka ^ knob_hash_seed)) * (__u32)(b + (kb ^ knob_hash_seed));
}

INLINE __u64 hash_tuple(const struct lb_tuple *t)
{
	__u64 h = hash_pair(t->src.w[0], t->src.w[1], 0x243f6a88, 0x85a308d3) +
		  hash_pair(t->src.w[2], t->src.w[3], 0x13198a2e, 0x03707344) +
		  hash_pair(t->dst.w[0], t->dst.w[1], 0xa4093822, 0x299f31d0) +
		  hash_pair(t->dst.w[2], t->dst.w[3], 0x082efa98, 0xec4e6c89) +
		  hash_pair((__u32)t->sport << 16 | t->dport, t->proto, 0x452821e6, 0x38d01377);

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}
