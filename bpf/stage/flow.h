/* The flow table: find a packet's entry, keep it and its mirror alive, decide when a flow may move or its port be
 * taken. Entries are shared between CPUs without locks: every field is written whole, and each direction writes its own
 * entry, except once a second when the pair is made to agree. */
#pragma once
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "kit/table.h"

/* Nonzero when they differ. */
INLINE __u64 flow_addr_diff(const struct lb_addr *a, const struct lb_addr *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return (x[0] ^ y[0]) | (x[1] ^ y[1]);
}

/* The address the backend sees: ours that the flow began with, or the client's own. NULL: the backend's record has
 * forgotten it, after two changes of route. */
INLINE const struct lb_addr *flow_source(const struct lb_flow *f, const struct lb_backend *b)
{
	if (b->mode != LB_MODE_SNAT)
		return &f->client;
	if (f->source == b->source)
		return &b->snat;
	return f->source == b->old_source ? &b->old_snat : NULL;
}

INLINE __be16 flow_server_port(const struct lb_flow *f, const struct lb_backend *b)
{
	return b->port ?: f->vport;
}

/* Is f, found under the hash of k, the entry of k? b: the record of f's backend. */
INLINE bool flow_is(const struct lb_flow *f, const struct lb_tuple *k, const struct lb_backend *b)
{
	const struct lb_addr *source = flow_source(f, b);
	__u64 diff = (b->gen ^ f->gen) | (k->proto ^ f->proto);

	if (!source)
		return false;
	if (f->flags & LB_FLOW_REVERSE)
		diff |= flow_addr_diff(&k->src, &b->addr) | flow_addr_diff(&k->dst, source) |
			(k->sport ^ flow_server_port(f, b)) | (k->dport ^ f->snat_port);
	else
		diff |= flow_addr_diff(&k->src, &f->client) | flow_addr_diff(&k->dst, &b->vip) | (k->sport ^ f->port) |
			(k->dport ^ f->vport);
	return !diff;
}

INLINE struct lb_backend *flow_backend(const struct lb_flow *f)
{
	__u32 id = f->backend;

	return bpf_map_lookup_elem(&backends, &id);
}

/* The entry of k and its backend, or NULL. */
static __attribute__((noinline)) struct lb_flow *flow_find(const struct lb_tuple *k)
{
	struct lb_flow *f = table_at(k);
	struct lb_backend *b;

	if (!f)
		return NULL;
	b = flow_backend(f);
	return b && flow_is(f, k, b) ? f : NULL;
}

/* The key of the other entry. False: there is none, or it cannot be known any more. */
INLINE bool flow_mirror_key(struct lb_tuple *k, const struct lb_flow *f, const struct lb_backend *b)
{
	const struct lb_addr *source = flow_source(f, b);

	if (!source || f->flags & LB_FLOW_ALONE)
		return false;
	__builtin_memset(k, 0, sizeof(*k)); /* and not a whole value at once: that is made on the stack first */
	if (f->flags & LB_FLOW_REVERSE) {
		k->src = f->client;
		k->dst = b->vip;
		k->sport = f->port;
		k->dport = f->vport;
	} else {
		k->src = b->addr;
		k->dst = *source;
		k->sport = flow_server_port(f, b);
		k->dport = f->snat_port;
	}
	k->proto = f->proto;
	return true;
}

/* The other entry of f's flow, and its key; NULL: none, or another flow's by now. */
INLINE struct lb_flow *flow_mirror(struct lb_tuple *ret_k, const struct lb_flow *f, const struct lb_backend *b)
{
	struct lb_flow *m;

	if (!flow_mirror_key(ret_k, f, b))
		return NULL;
	m = table_at(ret_k);
	return m && table_same(m, f) ? m : NULL;
}

INLINE __u32 flow_idle(const struct lb_flow *f, __u32 now)
{
	return (now - f->seen) / knob_jiffies_second;
}

/* Seconds of silence after which the flow of this pair no longer owns its source port. */
INLINE __u32 flow_patience(const struct lb_flow *fwd, const struct lb_flow *rev)
{
	if (fwd->proto == IPPROTO_UDP)
		return knob_udp_idle;
	if ((fwd->tcp | rev->tcp) & LB_TCP_RST || fwd->tcp & rev->tcp & LB_TCP_FIN)
		return knob_tcp_closed;
	return fwd->tcp & LB_TCP_ACKED ? knob_tcp_idle : knob_tcp_opening;
}

/* Global functions are verified once, with any arguments, instead of once for every path that calls them; NULL is then
 * possible as far as the verifier knows. */

/* Deletes both entries of the flow with entry f under k. */
__attribute__((noinline)) int flow_forget(const struct lb_tuple *k, const struct lb_flow *f, const struct lb_backend *b)
{
	struct scratch *s = scratch_get();

	if (!s || !k || !f || !b)
		return 0;
	s->dead = *f;
	if (flow_mirror_key(&s->mirror, f, b))
		table_remove(&s->mirror, &s->dead);
	return table_remove(k, &s->dead);
}

/* Has the other direction been silent for as long as a UDP flow may? */
__attribute__((noinline)) int flow_silent(const struct lb_flow *f, const struct lb_backend *b, __u32 now)
{
	struct scratch *s = scratch_get();
	struct lb_flow *m;

	if (!s || !f || !b)
		return true;
	m = flow_mirror(&s->mirror, f, b);
	return !m || flow_idle(m, now) > knob_udp_idle;
}

/* May the flow that this forward packet belongs to get a new backend? A connection stays where it is however its
 * backend fares; what starts anew (SYN) or has no connection (UDP) moves when its backend is down, UDP also after
 * silence. */
INLINE bool flow_may_move(const struct pkt *p, const struct lb_flow *f, const struct lb_backend *b)
{
	if (f->flags & LB_FLOW_REVERSE)
		return false;
	if (p->tcp)
		return pkt_is_syn(p) && !(b->flags & LB_BACKEND_UP);
	if (!(b->flags & LB_BACKEND_UP))
		return true;
	return p->now - f->seen > knob_udp_idle * knob_jiffies_second && flow_silent(f, b, p->now);
}

/* Where this packet's sender is. */
INLINE void flow_way(const struct pkt *p, struct lb_way *ret)
{
	__builtin_memcpy(ret->dmac, p->eth->h_source, ETH_ALEN);
	__builtin_memcpy(ret->smac, p->eth->h_dest, ETH_ALEN);
	WRITE_ONCE(ret->ifindex, p->ctx->ingress_ifindex);
	ret->vlan[0] = p->vlan[0];
	ret->vlan[1] = p->vlan[1];
}

/* Makes both entries exist and agree on the way back. False: the mirror's place was taken, so the flow is lost. */
__attribute__((noinline)) int flow_agree(const struct lb_flow *f, const struct lb_backend *b)
{
	struct scratch *s = scratch_get();
	struct lb_flow *m;

	if (!s || !f || !b || f->flags & LB_FLOW_ALONE)
		return true;
	m = flow_mirror(&s->mirror, f, b);
	if (m) {
		if (m->flags & LB_FLOW_REVERSE)
			m->way = f->way;
		return true;
	}
	s->flow = *f;
	s->flow.flags ^= LB_FLOW_REVERSE;
	s->flow.tcp &= LB_TCP_ACKED;
	return table_put(&s->mirror, &s->flow, true);
}

/* Once a second per direction: shows that the flow is in use, and where the client is. */
INLINE bool flow_refresh(struct pkt *p, struct lb_flow *f, const struct lb_backend *b)
{
	WRITE_ONCE(f->seen, p->now);
	if (!(f->flags & LB_FLOW_REVERSE))
		flow_way(p, &f->way);
	return flow_agree(f, b);
}

/* New TCP flags. A client's SYN under an existing flow begins it again; its first ACK makes the flow established in
 * both entries, since either may be weighed against others for its place in the table. */
__attribute__((noinline)) int flow_tcp(struct lb_flow *f, const struct lb_backend *b, __u32 l4_flags)
{
	struct scratch *s = scratch_get();
	struct lb_flow *m;
	bool forward;

	if (!s || !f || !b)
		return 0;
	forward = !(f->flags & LB_FLOW_REVERSE);
	m = flow_mirror(&s->mirror, f, b);
	if (forward && l4_flags & LB_TCP_SYN) {
		WRITE_ONCE(f->tcp, LB_TCP_SYN);
		if (m)
			WRITE_ONCE(m->tcp, 0);
		return 0;
	}
	WRITE_ONCE(f->tcp, f->tcp | l4_flags);
	if (forward && m && l4_flags & LB_TCP_ACKED)
		WRITE_ONCE(m->tcp, m->tcp | LB_TCP_ACKED);
	return 0;
}

INLINE bool flow_touch(struct pkt *p, struct lb_flow *f, const struct lb_backend *b)
{
	bool again = pkt_is_syn(p) && f->tcp != LB_TCP_SYN;

	if (again || (f->tcp | p->l4_flags) != f->tcp)
		flow_tcp(f, b, p->l4_flags);
	if (p->now - f->seen >= knob_jiffies_second)
		return flow_refresh(p, f, b);
	return true;
}

/* Nobody's: an answer can only belong to a flow, anything else may begin one. */
INLINE enum verdict flow_none(struct pkt *p)
{
	return p->service == LB_ID_NONE ? END(p, not_ours) : NEXT;
}

/* Sets p->flow and p->to if the packet belongs to a live flow. A flow that may move and one that lost its mirror are
 * forgotten, and the packet goes on as if it were the first. What a retired id's earlier owner left behind matches
 * nothing, and is overwritten or given up in time. */
INLINE enum verdict stage_flow(struct pkt *p)
{
	struct lb_backend *b;
	struct lb_flow *f;

	if (p->to)
		return NEXT;
	p->now = (__u32)bpf_jiffies64();
	f = table_at(&p->key);
	if (!f)
		return flow_none(p);
	b = flow_backend(f);
	if (!b || !flow_is(f, &p->key, b))
		return flow_none(p);
	if (flow_may_move(p, f, b) || !flow_touch(p, f, b)) {
		flow_forget(&p->key, f, b);
		return flow_none(p);
	}
	p->flow = f;
	p->to = b;
	p->service = b->service;
	p->backend = f->backend;
	return NEXT;
}
