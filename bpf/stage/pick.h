/* A new flow: a backend for it, then its entries in the table. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/affinity.h"
#include "stage/nat.h"
#include "stage/row.h"

/* The flow this packet starts, but for the source port towards the backend, and the key of its reverse entry. */
INLINE void pick_draft(struct pkt *p, const struct lb_backend *b, struct scratch *s)
{
	s->flow = (struct lb_flow){
		.client = p->key.src,
		.port = p->key.sport,
		.snat_port = p->key.sport,
		.vport = p->key.dport,
		.backend = p->backend,
		.gen = b->gen,
		.proto = p->key.proto,
		.source = b->source,
		.seen = p->now,
	};
	flow_way(p, &s->flow.way);
}

/* Inserts the reverse entry, which decides the source port. */
INLINE enum verdict pick_claim(struct pkt *p, const struct lb_backend *b, struct scratch *s, __u32 hash)
{
	s->flow.flags = LB_FLOW_REVERSE;
	s->reverse.src = b->addr;
	s->reverse.dst = b->snat;
	s->reverse.sport = flow_server_port(&s->flow, b);
	s->reverse.proto = p->key.proto;
	if (b->mode == LB_MODE_SNAT)
		return nat_claim(&s->reverse, &s->flow, p->now, hash) ? NEXT : END(p, snat_ports_full);
	s->reverse.dst = p->key.src;
	s->reverse.dport = p->key.sport;
	if (!nat_evict(&s->reverse, p->now) || !table_put(&s->reverse, &s->flow, true))
		return END(p, client_taken);
	return NEXT;
}

/* Where every flow has an entry, one without begins here; but a connection may have lost its own. */
INLINE __u32 pick_backend(const struct pkt *p, __u64 hash)
{
	int kind = row_kind(p);

	if (p->backend != LB_ID_NONE)
		return p->backend; /* its connection id says so */
	if (p->rules & LB_RULE_AFFINITY)
		return affinity_pick(p);
	if (kind == ROW_UNKNOWN && p->rules & LB_RULE_TRACK)
		kind = ROW_BEGINS;
	return row_pick(p->service, hash, kind, knob_udp_idle);
}

/* A sub-program: a new flow is rare beside its packets. The reverse entry goes in first; the same memory then becomes
 * the forward entry. A connection in its middle can only be placed where its packets leave as they came; it has to show
 * a second one to be taken for established. */
static __attribute__((noinline)) enum verdict pick_new(struct pkt *p)
{
	__u64 hash = hash_tuple(&p->key);
	struct scratch *s = scratch_get();
	struct lb_backend *b;
	__u32 id;

	id = pick_backend(p, hash);
	b = row_backend(id);
	if (!b || !s)
		return END(p, no_backend);
	if (p->tcp && !pkt_is_syn(p) && !LB_MODE_DIRECT(b->mode))
		return END(p, no_flow);
	if (!(b->flags & LB_BACKEND_NEXTHOP))
		return END(p, no_nexthop);
	p->backend = id;
	p->to = b;
	pick_draft(p, b, s);
	if (LB_MODE_DIRECT(b->mode))
		s->flow.flags = LB_FLOW_ALONE;
	else
		TRY(pick_claim(p, b, s, (__u32)hash));
	s->flow.flags &= ~LB_FLOW_REVERSE;
	s->flow.tcp = p->l4_flags & LB_TCP_SYN;
	if (table_put(&p->key, &s->flow, false))
		return NEXT;
	if (!LB_MODE_DIRECT(b->mode))
		table_remove(&s->reverse, &s->flow);
	return END(p, table_full);
}

INLINE enum verdict stage_pick(struct pkt *p)
{
	if (p->to)
		return NEXT;
	TRY(pick_new(p));
	p->fresh = !p->tcp || pkt_is_syn(p);
	p->flow = table_at(&p->key);
	return p->flow ? NEXT : END(p, table_full);
}
