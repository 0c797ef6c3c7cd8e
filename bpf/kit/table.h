/* The flow table: a bucketed hash in an array map. Reading takes no lock; a reader may see an entry change hands under
 * it, as with the kernel's own LRU hash, and sends at most that packet astray. Writing locks the one bucket. A full
 * bucket gives up the entry that is least worth keeping: half-open and closed TCP before all others, then the longest
 * silent; so a flood of SYNs displaces itself and not the established connections. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/pkt.h"

INLINE __u32 table_tag(__u64 hash)
{
	return (__u32)(hash >> 32) | 1;
}

INLINE struct lb_flow_bucket *table_bucket(__u64 hash)
{
	__u32 i = (__u32)hash & (knob_flow_buckets - 1);

	return bpf_map_lookup_elem(&flows, &i);
}

INLINE __u64 table_own_way(__u64 hash)
{
	__u64 way = (hash >> 48) * LB_FLOW_WAYS >> 16;

	OPAQUE(way); /* else it is merged with the multiplication by an entry's size, and its bound is lost */
	return way;
}

/* The way with this tag, or LB_FLOW_WAYS. A tag is in a bucket once at most (see table_put), so the sum has one term.
 * OPAQUE: else clang makes branches of the comparison, or arithmetic shifts of which the verifier follows both
 * outcomes.
 */
INLINE __u64 table_way(const struct lb_flow_bucket *b, __u32 tag)
{
	__u64 way = LB_FLOW_WAYS;

#pragma unroll
	for (__u32 w = 0; w < LB_FLOW_WAYS; w++) {
		__u64 same = b->tag[w] ^ tag;

		OPAQUE(same);
		same = (same - 1) >> 63;
		OPAQUE(same);
		way -= (LB_FLOW_WAYS - w) * same;
	}
	return way;
}

/* What lies under the key's hash, or NULL. A stranger's in one of some 2^28 cases: flow_is() tells. */
INLINE struct lb_flow *table_at(const struct lb_tuple *k)
{
	__u64 hash = hash_tuple(k), w, own;
	struct lb_flow_bucket *b = table_bucket(hash);

	if (!b)
		return NULL;
	own = b->tag[0]; /* asked for before it is needed, to have both lines under way */
	OPAQUE(own);
	own = table_own_way(hash);
	if (b->entry[own].tag == table_tag(hash))
		return &b->entry[own];
	w = table_way(b, table_tag(hash));
	OPAQUE(w);
	if (w >= LB_FLOW_WAYS)
		return NULL;
	OPAQUE(w);
	return &b->entry[w];
}

/* Are these entries of the same flow, one of them perhaps its mirror? All is compared that does not change while it
 * lives, without branches: each would double the paths the verifier walks after it. */
INLINE bool table_same(const struct lb_flow *a, const struct lb_flow *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (a->proto ^ b->proto) | (a->source ^ b->source));
}

/* How gladly an entry is given up. */
INLINE __u32 table_worth(const struct lb_flow *f, __u32 now)
{
	__u32 idle = (now - f->seen) & 0x7fffffff;
	__u32 tcp = f->tcp & (LB_TCP_ACKED | LB_TCP_FIN | LB_TCP_RST), loose = f->proto == IPPROTO_TCP;

	loose &= tcp != LB_TCP_ACKED;
	OPAQUE(loose); /* no branch, which the verifier would follow both ways for each way of the bucket */
	return idle | loose << 31;
}

/* The key's own way if that is empty, else any empty one, else the one to give up. Each candidate is one number, its
 * way in the low byte; the greatest is found without branches. */
INLINE __u64 table_victim(const struct lb_flow_bucket *b, __u64 own, __u32 now)
{
	__u64 best = 0;

	if (!b->tag[own])
		return own;
	for (__u32 w = 0; w < LB_FLOW_WAYS; w++) {
		__u64 empty = !b->tag[w], glad = (empty << 32 | table_worth(&b->entry[w], now)) << 8 | w;
		__u64 less = (__s64)(best - glad) >> 63;

		OPAQUE(less);
		best += (glad - best) & less;
		OPAQUE(best);
	}
	return best & 0xff;
}

INLINE void table_clear(struct lb_flow_bucket *b, __u64 w)
{
	b->tag[w] = 0;
	b->entry[w].tag = 0;
}

/* Inserts, or with `fresh` only if the key is not there. False: it is there (or the table is not). An entry of another
 * key with the same tag, one in some 2^28 inserts, is given up, or counts as taken. A global function is verified once,
 * not once per call; its pointers may then be NULL as far as the verifier knows. */
__attribute__((noinline)) int table_put(const struct lb_tuple *k, const struct lb_flow *f, int fresh)
{
	struct lb_flow_bucket *b;
	bool taken;
	__u64 hash, w;

	if (!k || !f)
		return 0;
	hash = hash_tuple(k);
	b = table_bucket(hash);
	if (!b)
		return 0;
	bpf_spin_lock(&b->lock);
	w = table_way(b, table_tag(hash));
	taken = w < LB_FLOW_WAYS && fresh;
	if (w >= LB_FLOW_WAYS)
		w = table_victim(b, table_own_way(hash), f->seen);
	if (!taken && w < LB_FLOW_WAYS) {
		table_clear(b, w);
		b->entry[w] = *f;
		b->entry[w].tag = b->tag[w] = table_tag(hash);
	}
	bpf_spin_unlock(&b->lock);
	return !taken;
}

/* Removes the entry under k if it is of the flow of which f is a copy. True if it was there. */
__attribute__((noinline)) int table_remove(const struct lb_tuple *k, const struct lb_flow *f)
{
	struct lb_flow_bucket *b;
	bool found = false;
	__u64 hash, w;

	if (!k || !f)
		return 0;
	hash = hash_tuple(k);
	b = table_bucket(hash);
	if (!b)
		return 0;
	bpf_spin_lock(&b->lock);
	w = table_way(b, table_tag(hash));
	if (w < LB_FLOW_WAYS && table_same(&b->entry[w], f)) {
		table_clear(b, w);
		found = true;
	}
	bpf_spin_unlock(&b->lock);
	return found;
}
