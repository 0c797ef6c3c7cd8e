/* The flow table: find a packet's entry, keep it and its mirror alive, decide when a flow may move or its port be
 * taken. Entries are shared between CPUs without locks: every field is written whole, and each direction writes its own
 * entry, except once a second when the pair is made to agree. */
#pragma once
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "kit/table.h"

#define LB_ADDR_EQ(a, b) ((a).w[3] == (b).w[3] && (a).w[2] == (b).w[2] && (a).w[1] == (b).w[1] && (a).w[0] == (b).w[0])

INLINE void flow_mirror_key(struct lb_tuple *k, const struct lb_flow *f, __u8 proto)
{
	*k = (struct lb_tuple){ .src = f->dst, .dst = f->src, .sport = f->dport, .dport = f->sport, .proto = proto };
}

/* The other entry of the flow whose entry under k is f. */
INLINE void flow_mirror(struct lb_flow *m, const struct lb_flow *f, const struct lb_tuple *k)
{
	*m = *f;
	m->src = k->dst;
	m->dst = k->src;
	m->sport = k->dport;
	m->dport = k->sport;
	m->flags = f->flags ^ LB_FLOW_REVERSE;
	m->tcp = f->tcp & LB_TCP_ACKED;
}

/* Does m, found under the mirror key, belong to the flow with key k? It may be somebody else's by now. */
INLINE bool flow_paired(const struct lb_flow *m, const struct lb_tuple *k)
{
	return m->sport == k->dport && m->dport == k->sport && LB_ADDR_EQ(m->dst, k->src) && LB_ADDR_EQ(m->src, k->dst);
}

INLINE __u32 flow_idle(const struct lb_flow *f, __u32 now)
{
	return (now - f->seen) / knob_jiffies_second;
}

/* Seconds of silence after which the flow of this pair no longer owns its source port. */
INLINE __u32 flow_patience(const struct lb_flow *fwd, const struct lb_flow *rev, __u8 proto)
{
	if (proto == IPPROTO_UDP)
		return knob_udp_idle;
	if ((fwd->tcp | rev->tcp) & LB_TCP_RST || fwd->tcp & rev->tcp & LB_TCP_FIN)
		return knob_tcp_closed;
	return fwd->tcp & LB_TCP_ACKED ? knob_tcp_idle : knob_tcp_opening;
}

/* Deletes both entries of the flow with entry f under k; f is dead afterwards. */
static __attribute__((noinline)) void flow_forget(const struct lb_tuple *k, const struct lb_flow *f)
{
	struct lb_tuple mk;
	struct lb_flow *m;

	flow_mirror_key(&mk, f, k->proto);
	m = table_find(&mk);
	if (m && flow_paired(m, k))
		table_remove(&mk);
	table_remove(k);
}

/* Have both directions been silent for as long as a UDP flow may? */
static __attribute__((noinline)) bool flow_silent(const struct pkt *p, const struct lb_flow *f)
{
	struct lb_tuple mk;
	struct lb_flow *m;

	flow_mirror_key(&mk, f, p->key.proto);
	m = table_find(&mk);
	return !m || flow_idle(m, p->now) > knob_udp_idle;
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
	return p->now - f->seen > knob_udp_idle * knob_jiffies_second && flow_silent(p, f);
}

/* Once a second per direction: both entries exist, agree on the way back, and show that they are in use. False: the
 * mirror's place was taken, so the flow is lost. A sub-program, to keep the common path short. */
static __attribute__((noinline)) bool flow_refresh(struct pkt *p, struct lb_flow *f)
{
	struct lb_tuple mk;
	struct lb_flow *m, made;

	WRITE_ONCE(f->seen, p->now);
	if (!(f->flags & LB_FLOW_REVERSE)) {
		WRITE_ONCE(f->ifindex, p->ctx->ingress_ifindex);
		__builtin_memcpy(f->dmac, p->eth->h_source, ETH_ALEN);
		__builtin_memcpy(f->smac, p->eth->h_dest, ETH_ALEN);
	}
	flow_mirror_key(&mk, f, p->key.proto);
	m = table_find(&mk);
	if (!m) {
		flow_mirror(&made, f, &p->key);
		return table_put(&mk, &made, true);
	}
	if (!flow_paired(m, &p->key))
		return false;
	if (m->flags & LB_FLOW_REVERSE) {
		WRITE_ONCE(m->ifindex, f->ifindex);
		__builtin_memcpy(m->dmac, f->dmac, 2 * ETH_ALEN);
	}
	return true;
}

/* New TCP flags. A client's SYN under an existing flow begins it again; its first ACK makes the flow established in
 * both entries, since either may be weighed against others for its place in the table. */
static __attribute__((noinline)) void flow_tcp(struct pkt *p, struct lb_flow *f)
{
	bool forward = !(f->flags & LB_FLOW_REVERSE);
	struct lb_tuple mk;
	struct lb_flow *m;

	flow_mirror_key(&mk, f, p->key.proto);
	m = table_find(&mk);
	if (m && !flow_paired(m, &p->key))
		m = NULL;
	if (forward && pkt_is_syn(p)) {
		WRITE_ONCE(f->tcp, LB_TCP_SYN);
		if (m)
			WRITE_ONCE(m->tcp, 0);
		return;
	}
	WRITE_ONCE(f->tcp, f->tcp | p->l4_flags);
	if (forward && m && p->l4_flags & LB_TCP_ACKED)
		WRITE_ONCE(m->tcp, m->tcp | LB_TCP_ACKED);
}

INLINE bool flow_touch(struct pkt *p, struct lb_flow *f)
{
	bool again = pkt_is_syn(p) && f->tcp != LB_TCP_SYN;

	if (again || (f->tcp | p->l4_flags) != f->tcp)
		flow_tcp(p, f);
	if (p->now - f->seen >= knob_jiffies_second)
		return flow_refresh(p, f);
	return true;
}

/* Sets p->flow if the packet belongs to a live flow. The entry of a retired id's earlier owner (gen differs), of a flow
 * that may move and of one that lost its mirror is forgotten, and the packet goes on as if it were the first. */
INLINE enum verdict stage_flow(struct pkt *p)
{
	struct lb_flow *f = table_find(&p->key);
	struct lb_backend *b;
	__u32 id;

	p->now = (__u32)bpf_jiffies64();
	if (!f)
		return NEXT;
	id = f->backend;
	b = bpf_map_lookup_elem(&backends, &id);
	if (!b || b->gen != f->gen || flow_may_move(p, f, b) || !flow_touch(p, f)) {
		flow_forget(&p->key, f);
		return NEXT;
	}
	p->flow = f;
	p->service = f->service;
	p->backend = id;
	return NEXT;
}
