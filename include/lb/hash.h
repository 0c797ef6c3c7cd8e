/* The flow hash: NH (Black et al., "UMAC", CRYPTO 1999, §4): sums of products of pairs of words, each word offset by a
 * secret one; its multiplications do not wait for each other. Then one round of mixing. Decides Maglev row, flow bucket
 * and tag, and first source port. The agent computes the same to say where a flow would go. The flow table is pinned
 * under its values: who changes it raises LB_ABI. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

/* Adds a pair to the sum. The empty instruction keeps compilers from having all words of a tuple in hand at once, for
 * which a BPF program has neither registers nor stack. */
static inline __attribute__((always_inline)) __u64 lb_hash_pair(__u64 sum, __u32 a, __u32 b, __u32 ka, __u32 kb)
{
	sum += (__u64)(__u32)(a + ka) * (__u32)(b + kb);
	__asm__ volatile("" : "+r"(sum)::"memory");
	return sum;
}

static inline __attribute__((always_inline)) __u64 lb_hash_mix(__u64 h)
{
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

static inline __attribute__((always_inline)) __u64 lb_hash_tuple(const struct lb_tuple *t, const struct lb_hash_key *k)
{
	__u64 h = lb_hash_pair(0, t->src.w[0], t->src.w[1], k->w[0], k->w[1]);

	h = lb_hash_pair(h, t->src.w[2], t->src.w[3], k->w[2], k->w[3]);
	h = lb_hash_pair(h, t->dst.w[0], t->dst.w[1], k->w[4], k->w[5]);
	h = lb_hash_pair(h, t->dst.w[2], t->dst.w[3], k->w[6], k->w[7]);
	return lb_hash_mix(lb_hash_pair(h, (__u32)t->sport << 16 | t->dport, t->proto, k->w[8], k->w[9]));
}

/* The row of a table of `size` rows that this hash falls on. */
static inline __attribute__((always_inline)) __u32 lb_hash_row(__u64 hash, __u32 size)
{
	return (hash >> 32) * size >> 32;
}
