/* The flow hash: the tuple's words through MurmurHash3's 64-bit finalizer, one after the other, started from a secret.
 * Decides the Maglev row (high half) and the first source port tried (low half). */
#pragma once
#include "kit/pkt.h"
#include "kit/knob.h"

INLINE __u64 hash_mix(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 33);
}

INLINE __u64 hash_tuple(const struct lb_tuple *t)
{
	__u64 h = hash_mix(((__u64)knob_hash_seed << 32) ^ knob_hash_seed ^ t->proto);

	h = hash_mix(h ^ ((__u64)t->src.w[0] << 32 | t->src.w[1]));
	h = hash_mix(h ^ ((__u64)t->src.w[2] << 32 | t->src.w[3]));
	h = hash_mix(h ^ ((__u64)t->dst.w[0] << 32 | t->dst.w[1]));
	h = hash_mix(h ^ ((__u64)t->dst.w[2] << 32 | t->dst.w[3]));
	return hash_mix(h ^ ((__u64)t->sport << 16 | t->dport));
}
