/* Token buckets per source, for packets and for new connections. The table is bounded and fails open: a source for
 * which there is no room is not limited, and that is counted. A full bucket is as good as none, so entries are only
 * taken from sources that would not notice. Nothing is locked: a bucket is one word (lb/guard.h), and CPUs that race
 * for its last token may let one packet each too many through, which the bucket then pays for later. */
#pragma once
#include "kit/hash.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"

INLINE __u64 ratelimit_now(void)
{
	return bpf_jiffies64() << LB_TIME_SHIFT;
}

/* An IPv6 host owns its /64, so that is one source. */
INLINE __u64 ratelimit_hash(const struct lb_addr *a)
{
	bool v4 = !(a->w[0] | a->w[1]) && a->w[2] == bpf_htonl(0xffff);
	const struct lb_hash_key *k = hash_words();
	__u64 h = lb_hash_pair(0, a->w[0], a->w[1], k->w[2], k->w[0]);

	if (v4)
		h = lb_hash_pair(h, a->w[2], a->w[3], k->w[3], k->w[1]);
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

/* The bucket's way with this tag, else one whose buckets are both full; LB_SOURCE_WAYS: neither. */
INLINE __u32 ratelimit_way(const struct lb_source_bucket *b, __u32 tag, __u64 now)
{
	__u32 way = LB_SOURCE_WAYS, spare = LB_SOURCE_WAYS;

#pragma unroll
	for (__u32 w = 0; w < LB_SOURCE_WAYS; w++) {
		if (READ_ONCE(b->tag[w]) == tag)
			way = w;
		if (b->way[w].packets <= now && b->way[w].connections <= now)
			spare = w;
	}
	return way < LB_SOURCE_WAYS ? way : spare;
}

/* The packet's source's entry, found or taken; NULL: no room. */
INLINE struct lb_source *ratelimit_source(const struct pkt *p, __u64 now)
{
	__u64 hash = ratelimit_hash(&p->key.src);
	__u32 i = (__u32)hash & (knob_source_buckets - 1), tag = (__u32)(hash >> 32) | 1, was, w;
	struct lb_source_bucket *b = bpf_map_lookup_elem(&sources, &i);

	if (!b)
		return NULL;
	w = ratelimit_way(b, tag, now);
	if (w >= LB_SOURCE_WAYS)
		return NULL;
	was = READ_ONCE(b->tag[w]);
	if (was != tag && __sync_val_compare_and_swap(&b->tag[w], was, tag) != was)
		return NULL; /* another CPU was quicker */
	return &b->way[w];
}

INLINE void ratelimit_open(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&guard_untracked, &zero);

	if (n)
		++*n;
}

/* True if there was a token; `full` is a bucket of cost 1 / rate, with room for burst - 1 more. */
INLINE bool ratelimit_take(__u64 *full, __u64 now, __u64 cost, __u64 room)
{
	__u64 at = READ_ONCE(*full);

	if ((__s64)(at - now) > (__s64)room)
		return false;
	if ((__s64)(at - now) < 0)
		__sync_val_compare_and_swap(full, at, now);
	__sync_fetch_and_add(full, cost);
	return true;
}

/* Before the flow table: who floods does not get that far. */
static __attribute__((noinline)) enum verdict ratelimit_packet(struct pkt *p)
{
	__u64 now = ratelimit_now();
	struct lb_source *s = ratelimit_source(p, now);

	if (!s)
		ratelimit_open();
	else if (!ratelimit_take(&s->packets, now, knob_packet_cost, knob_packet_room))
		return END(p, rate_packets);
	return NEXT;
}

static __attribute__((noinline)) enum verdict ratelimit_connection(struct pkt *p)
{
	__u64 now = ratelimit_now();
	struct lb_source *s = ratelimit_source(p, now);

	if (!s)
		ratelimit_open();
	else if (!ratelimit_take(&s->connections, now, knob_connection_cost, knob_connection_room))
		return END(p, rate_connections);
	return NEXT;
}

/* For packets to a service. What begins a connection: a SYN, or a datagram, without a flow. */
INLINE enum verdict stage_ratelimit(struct pkt *p)
{
	if (!knob_connection_cost || p->flow || (p->tcp && !pkt_is_syn(p)))
		return NEXT;
	return ratelimit_connection(p);
}
