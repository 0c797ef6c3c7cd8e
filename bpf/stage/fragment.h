/* Fragments. The first one has ports and goes the usual way, and a small table remembers where that led; the others of
 * the packet follow it. What comes before its first goes by its addresses alone, where one service has all of them and
 * the packet leaves as it came; else it is lost. Nothing is reassembled here. The table is an array of buckets: no key
 * is moved or expired by anybody, an old entry is a free place, and a full bucket gives up its oldest. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/parse_l3.h"
#include "kit/parse_l4.h"
#include "kit/pkt.h"
#include "stage/flow.h"
#include "stage/forward.h"
#include "stage/row.h"
#include "stage/service.h"

#define FRAGMENT_OFFSET	 0x1fff /* of IPv4's field */
#define FRAGMENT6_OFFSET 0xfff8 /* of IPv6's */

INLINE bool fragment_is_meant(const struct pkt *p)
{
	return p->suspect == LB_R_fragment;
}

INLINE struct lb_fragment_bucket *fragment_bucket(const struct lb_tuple *k)
{
	__u32 i = (__u32)hash_tuple(k) & (LB_FRAGMENT_BUCKETS - 1);

	return bpf_map_lookup_elem(&fragments, &i);
}

/* Zero when they are the same. */
INLINE __u64 fragment_key_diff(const struct lb_tuple *a, const struct lb_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]);
}

/* The way with this key, else the one that was written longest ago. */
INLINE __u64 fragment_way(const struct lb_fragment_bucket *b, const struct lb_tuple *k, __u32 now)
{
	__u64 best = 0;
	__u32 most = 0;

	for (__u32 w = 0; w < LB_FRAGMENT_WAYS; w++) {
		__u32 age = b->way[w].key.proto ? now - b->way[w].flow.seen : 0xffffffff;

		if (!fragment_key_diff(&b->way[w].key, k))
			return w;
		if (age >= most) {
			most = age;
			best = w;
		}
	}
	return best;
}

/* A global function: it is verified once. The key is not there while the rest changes. */
__attribute__((noinline)) int fragment_put(const struct lb_tuple *k, const struct lb_flow *f, int fresh)
{
	struct lb_fragment_bucket *b;
	__u64 w;

	if (!k || !f)
		return 0;
	b = fragment_bucket(k);
	if (!b)
		return 0;
	bpf_spin_lock(&b->lock);
	w = fragment_way(b, k, f->seen);
	if (w < LB_FRAGMENT_WAYS) {
		WRITE_ONCE(b->way[w].key.proto, 0);
		b->way[w].flow = *f;
		b->way[w].fresh = fresh;
		b->way[w].key = *k;
	}
	bpf_spin_unlock(&b->lock);
	return 1;
}

static __attribute__((noinline)) struct lb_fragment *fragment_find(const struct lb_tuple *k)
{
	struct lb_fragment_bucket *b = fragment_bucket(k);
	__u32 now = (__u32)bpf_jiffies64();

	if (!b)
		return NULL;
	for (__u32 w = 0; w < LB_FRAGMENT_WAYS; w++) {
		struct lb_fragment *e = &b->way[w];

		if (!fragment_key_diff(&e->key, k))
			return now - e->flow.seen <= LB_FRAGMENT_SECONDS * knob_jiffies_second ? e : NULL;
	}
	return NULL;
}

INLINE void fragment_key(const struct pkt *p, __be32 id, struct lb_tuple *ret)
{
	__builtin_memcpy(ret, &p->key, sizeof(*ret));
	ret->sport = (__u16)id;
	ret->dport = id >> 16;
}

/* Behind the fragment header there may be more extension headers; the protocol of all fragments is what that header
 * says (RFC 8200 §4.5). */
INLINE bool fragment_read6(struct pkt *p, struct lb_tuple *ret_key, bool *ret_first)
{
	struct ip6_ext *e = pkt_peek(p, sizeof(*e));

	if (!e || p->l4_len < sizeof(*e))
		return false;
	*ret_first = !(e->fields & bpf_htons(FRAGMENT6_OFFSET));
	p->key.proto = e->next;
	p->l4_len -= sizeof(*e);
	fragment_key(p, e->more, ret_key);
	pkt_skip(p, sizeof(*e));
	if (*ret_first && ip6_is_extension(p->key.proto))
		skip_extensions(p);
	return true;
}

/* Leaves the cursor behind all IP headers, and the packet as one that can be looked at further: the length of a
 * datagram is that of the whole, and is not compared with the first's. False: broken. */
INLINE bool fragment_read(struct pkt *p, struct lb_tuple *ret_key, bool *ret_first)
{
	p->suspect = 0;
	if (p->ip) {
		*ret_first = !(p->ip->frag_off & bpf_htons(FRAGMENT_OFFSET));
		fragment_key(p, p->ip->id, ret_key);
	} else if (!p->ip6 || !fragment_read6(p, ret_key, ret_first)) {
		return false;
	}
	if (p->key.proto == IPPROTO_UDP && p->l4_len >= sizeof(struct udphdr))
		p->l4_len = 0xffff;
	return true;
}

/* The others go where this one goes. */
INLINE void fragment_remember(const struct pkt *p, struct scratch *s)
{
	if (p->flow)
		s->kept = *p->flow;
	else
		s->kept = (struct lb_flow){
			.client = p->key.src,
			.port = p->key.sport,
			.vport = p->key.dport,
			.backend = p->backend,
			.gen = p->to ? p->to->gen : 0,
			.proto = p->key.proto,
			.flags = LB_FLOW_ALONE,
		};
	s->kept.seen = (__u32)bpf_jiffies64();
	fragment_put(&s->piece, &s->kept, p->fresh);
}

/* Its first was not seen. */
INLINE enum verdict fragment_stray(struct pkt *p)
{
	__u32 id;

	if (!service_is_vip(p) || (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP))
		return END(p, not_ours);
	if (!service_find_any(p))
		return END(p, fragment);
	id = row_pick(p->service, hash_tuple(&p->key), ROW_UNKNOWN, knob_udp_idle);
	p->to = row_backend(id);
	if (!p->to || !LB_MODE_DIRECT(p->to->mode))
		return END(p, fragment);
	p->backend = id;
	return NEXT;
}

/* Ports are those of the first, for whatever the outer header makes of them. */
INLINE enum verdict fragment_follow(struct pkt *p, const struct lb_tuple *key, bool first)
{
	struct lb_fragment *e = fragment_find(key);
	struct lb_backend *b;

	if (!e)
		return fragment_stray(p);
	if (e->flow.backend == LB_ID_NONE)
		return END(p, not_ours);
	b = flow_backend(&e->flow);
	if (!b || b->gen != e->flow.gen || !flow_source(&e->flow, b))
		return END(p, fragment);
	p->flow = &e->flow;
	p->to = b;
	p->service = b->service;
	p->backend = e->flow.backend;
	p->fresh = first && e->fresh;
	p->key.proto = e->flow.proto;
	if (e->flow.flags & LB_FLOW_ALONE) {
		p->key.sport = e->flow.port;
		p->key.dport = e->flow.vport;
	}
	return NEXT;
}
