/* The flow table: a bucketed hash in an array map. Reading takes no lock; a reader may see an entry change hands under
 * it, as with the kernel's own LRU hash, and sends at most that packet astray. Writing locks the one bucket. A full
 * bucket gives up the entry that is least worth keeping: half-open and closed TCP before all others, then the longest
 * silent; so a flood of SYNs displaces itself and not the established connections. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/pkt.h"

/* Without branches: each would double the paths the verifier walks after it. */
INLINE bool table_key_eq(const struct lb_tuple *a, const struct lb_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

INLINE __u32 table_tag(__u64 hash)
{
	return (__u32)(hash >> 32) | 1;
}

INLINE struct lb_flow_bucket *table_bucket(__u64 hash)
{
	__u32 i = (__u32)hash & (knob_flow_buckets - 1);

	return bpf_map_lookup_elem(&flows, &i);
}

/* The way with this tag, or LB_FLOW_WAYS. A tag is in a bucket once at most (see table_put), so the sum has one term.
 */
INLINE __u32 table_way(const struct lb_flow_bucket *b, __u32 tag)
{
	__u32 way = LB_FLOW_WAYS;

#pragma unroll
	for (__u32 w = 0; w < LB_FLOW_WAYS; w++) {
		__u64 other = b->tag[w] ^ tag;

		OPAQUE(other); /* else clang sees the comparison and makes a branch of it */
		way -= (LB_FLOW_WAYS - w) * (__u32)((other - 1) >> 63);
	}
	return way;
}

/* The live entry, or NULL. */
INLINE struct lb_flow *table_find(const struct lb_tuple *k)
{
	__u64 hash = hash_tuple(k);
	struct lb_flow_bucket *b = table_bucket(hash);
	struct lb_flow_entry *e;
	__u32 w;

	if (!b)
		return NULL;
	w = table_way(b, table_tag(hash));
	if (w >= LB_FLOW_WAYS)
		return NULL;
	e = &b->entry[w];
	return table_key_eq(&e->key, k) ? &e->flow : NULL;
}

/* How gladly an entry is given up. */
INLINE __u32 table_worth(const struct lb_flow_entry *e, __u32 now)
{
	__u32 idle = (now - e->flow.seen) & 0x7fffffff;
	bool held =
		e->key.proto == IPPROTO_UDP || (e->flow.tcp & (LB_TCP_ACKED | LB_TCP_FIN | LB_TCP_RST)) == LB_TCP_ACKED;

	return held ? idle : idle | 0x80000000;
}

/* An empty way, else the one to give up. */
INLINE __u32 table_victim(const struct lb_flow_bucket *b, __u32 now)
{
	__u32 best = 0, most = 0;

	for (__u32 w = 0; w < LB_FLOW_WAYS; w++) {
		__u32 glad = b->tag[w] ? table_worth(&b->entry[w], now) : 0xffffffff;

		if (glad > most) {
			most = glad;
			best = w;
		}
	}
	return best & (LB_FLOW_WAYS - 1);
}

/* Inserts, or with `fresh` only if the key is not there. False: it is there (or the table is not). An entry of another
 * key with the same tag, one in some 2^28 inserts, is given up, or counts as taken. A global function is verified once,
 * not once per call; its pointers may then be NULL as far as the verifier knows. */
__attribute__((noinline)) int table_put(const struct lb_tuple *k, const struct lb_flow *f, int fresh)
{
	struct lb_flow_bucket *b;
	bool taken;
	__u64 hash;
	__u32 w;

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
		w = table_victim(b, f->seen);
	if (!taken) {
		w &= LB_FLOW_WAYS - 1;
		b->tag[w] = 0;
		b->entry[w].key = *k;
		b->entry[w].flow = *f;
		b->tag[w] = table_tag(hash);
	}
	bpf_spin_unlock(&b->lock);
	return !taken;
}

/* True if it was there. */
__attribute__((noinline)) int table_remove(const struct lb_tuple *k)
{
	struct lb_flow_bucket *b;
	bool found = false;
	__u64 hash;
	__u32 w;

	if (!k)
		return 0;
	hash = hash_tuple(k);
	b = table_bucket(hash);
	if (!b)
		return 0;
	bpf_spin_lock(&b->lock);
	w = table_way(b, table_tag(hash));
	if (w < LB_FLOW_WAYS && table_key_eq(&b->entry[w].key, k)) {
		b->tag[w] = 0;
		found = true;
	}
	bpf_spin_unlock(&b->lock);
	return found;
}
