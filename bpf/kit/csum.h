/* Incremental checksums (RFC 1624 §3, eqn. 3: HC' = ~(~HC + ~m + m')). Sums are gathered in 64 bits and folded once. */
#pragma once
#include <linux/types.h>
#include "kit/verifier.h"

INLINE __u64 csum_swap32(__u64 sum, __be32 from, __be32 to)
{
	return sum + (__u32)~from + to;
}

INLINE __u64 csum_swap16(__u64 sum, __be16 from, __be16 to)
{
	return sum + (__u16)~from + to;
}

/* Four folds bring any 64-bit sum of up to 2^16 terms to 16 bits. */
INLINE __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The new checksum field, from the old one and the gathered differences. */
INLINE __u16 csum_update(__u16 check, __u64 sum)
{
	return ~csum_fold(sum + (__u16)~check);
}
