/* Looking up addresses and ports (lb/service.h). Two small buckets each, compared as words. */
#pragma once
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"

INLINE bool directory_same(const struct lb_addr *a, const struct lb_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

INLINE const struct lb_address *directory_in(__u32 bucket, const struct lb_addr *a)
{
	const struct lb_address_bucket *b = bpf_map_lookup_elem(&addresses, &bucket);
	__u64 way;

	if (!b)
		return NULL;
	way = !directory_same(&b->way[0].addr, a);
	OPAQUE(way); /* both ways are one to the verifier, else all that follows is walked twice */
	way &= 1;
	return directory_same(&b->way[way].addr, a) ? &b->way[way] : NULL;
}

/* NULL: the address is nothing to us. */
INLINE const struct lb_address *directory_address(const struct lb_addr *a)
{
	__u64 hash = lb_address_hash(a);
	const struct lb_address *found = directory_in((__u32)hash & (knob_address_buckets - 1), a);

	return found ?: directory_in((__u32)(hash >> 32) & (knob_address_buckets - 1), a);
}

_Static_assert(sizeof(struct lb_port) == 8 && offsetof(struct lb_port, rules) == 5, "compared as one word");
#define PORT_KEY_BITS 40 /* of lb_port: address, port, proto */

/* The entry in this bucket as a number, 0: none. A key is in the table once at most, so the sum has one term. Without
 * branches, which the verifier would follow each both ways. */
INLINE __u64 directory_port_in(__u32 bucket, __u64 key)
{
	const struct lb_port_bucket *b = bpf_map_lookup_elem(&ports, &bucket);
	__u64 found = 0;

	if (!b)
		return 0;
#pragma unroll
	for (__u32 w = 0; w < LB_PORT_WAYS; w++) {
		__u64 entry = READ_ONCE(*(const __u64 *)&b->way[w]);
		__u64 same = (entry ^ key) << (64 - PORT_KEY_BITS);

		OPAQUE(same);
		same = (~same & (same - 1)) >> 63; /* 1 if it was 0 */
		OPAQUE(same);
		found |= entry & -same;
	}
	return found;
}

static __attribute__((noinline)) __u64 directory_port_search(__u64 key, __u64 hash)
{
	__u64 found = directory_port_in((__u32)hash & (knob_port_buckets - 1), key);

	return found ?: directory_port_in((__u32)(hash >> 32) & (knob_port_buckets - 1), key);
}

/* Rules and service of this port of a VIP, as lb_port has them. False: it has none of its own. */
INLINE bool directory_port(const struct lb_address *a, __be16 port, __u8 proto, __u8 *ret_rules, __u16 *ret_service)
{
	__u64 key = (__u64)proto << 32 | (__u32)port << 16 | a->id;
	__u64 found = READ_ONCE(*(const __u64 *)&a->first);

	if ((found ^ key) << (64 - PORT_KEY_BITS))
		found = directory_port_search(key, lb_port_hash(a->id, port, proto));
	*ret_rules = found >> PORT_KEY_BITS;
	*ret_service = found >> 48;
	return found != 0;
}

/* The same by the address's ranges; rules in the high half, 0xffff: none. */
static __attribute__((noinline)) __u32 directory_range(__u32 address, __u32 port, __u32 proto)
{
	const struct lb_ranges *r = bpf_map_lookup_elem(&ranges, &address);

	if (!r)
		return LB_ID_NONE;
	for (__u32 i = 0; i < LB_RANGES; i++)
		if (r->range[i].proto == proto && r->range[i].first <= port && port <= r->range[i].last)
			return (__u32)r->range[i].rules << 16 | r->range[i].service;
	return LB_ID_NONE;
}
