/* A new flow: Maglev row → backend, then both table entries. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/nat.h"

/* LB_ID_NONE: no backend has a row. A row is enough; the agent takes a backend that is down out of the rows first. */
static __attribute__((noinline)) __u32 pick_backend(__u32 service, __u32 hash)
{
	__u32 zero = 0, row;
	__u16 *rows;
	void *table = bpf_map_lookup_elem(&maglev, &service);

	if (!table)
		return LB_ID_NONE;
	rows = bpf_map_lookup_elem(table, &zero);
	row = (__u64)hash * knob_maglev_size >> 32;
	if (!rows || row >= knob_maglev_size)
		return LB_ID_NONE;
	return rows[row];
}

/* The reverse entry of the flow this packet starts, and its key but for the source port towards the backend. */
INLINE void pick_draft(struct pkt *p, const struct lb_backend *b, struct lb_flow *rev, struct lb_tuple *rk)
{
	*rk = (struct lb_tuple){ .src = b->addr, .dst = b->snat, .sport = b->port, .proto = p->key.proto };
	*rev = (struct lb_flow){
		.src = p->key.dst,
		.dst = p->key.src,
		.sport = p->key.dport,
		.dport = p->key.sport,
		.backend = p->backend,
		.service = p->service,
		.gen = b->gen,
		.flags = LB_FLOW_REVERSE,
		.seen = p->now,
		.ifindex = p->ctx->ingress_ifindex,
	};
	__builtin_memcpy(rev->dmac, p->eth->h_source, ETH_ALEN);
	__builtin_memcpy(rev->smac, p->eth->h_dest, ETH_ALEN);
}

/* A sub-program: a new flow is rare beside its packets, and keys and entry need the stack for themselves. The reverse
 * entry goes in first, since it decides the port; the same memory then becomes the forward entry. */
static __attribute__((noinline)) enum verdict pick_new(struct pkt *p)
{
	__u64 hash = hash_tuple(&p->key);
	__u32 id = pick_backend(p->service, hash >> 32);
	struct lb_backend *b;
	struct lb_tuple rk;
	struct lb_flow e;

	if (id == LB_ID_NONE)
		return END(p, no_backend);
	b = bpf_map_lookup_elem(&backends, &id);
	if (!b)
		return END(p, no_backend);
	if (!(b->flags & LB_BACKEND_NEXTHOP))
		return END(p, no_nexthop);
	p->backend = id;
	pick_draft(p, b, &e, &rk);
	if (!nat_claim(&rk, &e, p->now, (__u32)hash))
		return END(p, snat_ports_full);
	flow_mirror(&e, &e, &rk);
	e.tcp = p->l4_flags;
	if (!table_put(&p->key, &e, false)) {
		table_remove(&rk);
		return END(p, table_full);
	}
	return NEXT;
}

INLINE enum verdict stage_pick(struct pkt *p)
{
	if (p->flow)
		return NEXT;
	if (p->tcp && !pkt_is_syn(p))
		return END(p, no_flow);
	TRY(pick_new(p));
	p->fresh = 1;
	p->flow = table_find(&p->key);
	return p->flow ? NEXT : END(p, table_full);
}
