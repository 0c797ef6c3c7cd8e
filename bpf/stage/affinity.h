/* Affinity: all flows of a client address go to one backend. Most of the time its row says so, hashed without ports;
 * where the row was moved, an entry of the client in the flow table keeps it with its backend until it has been silent
 * for the service's time. */
#pragma once
#include "kit/hash.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "kit/table.h"
#include "stage/flow.h"
#include "stage/row.h"

/* The key of the client's entry. */
INLINE void affinity_key(const struct pkt *p, struct lb_tuple *ret)
{
	__builtin_memcpy(ret, &p->key, sizeof(*ret));
	ret->sport = 0;
	ret->proto |= LB_FLOW_CLIENT;
}

INLINE __u32 affinity_seconds(const struct pkt *p)
{
	__u32 id = p->service;
	struct lb_service *s = bpf_map_lookup_elem(&services, &id);

	return s ? s->affinity : 0;
}

/* The backend of the client's entry; LB_ROW_NONE: there is none in force. A connection in its middle stays whatever
 * became of its backend. A global function: it is verified once. */
__attribute__((noinline)) int affinity_known(const struct lb_tuple *who, int begins, __u32 seconds)
{
	struct lb_flow *f = who ? flow_find(who) : NULL;
	__u32 now = (__u32)bpf_jiffies64();
	struct lb_backend *b;

	if (!f)
		return LB_ROW_NONE;
	b = flow_backend(f);
	if (!b || (begins && (!(b->flags & LB_BACKEND_UP) || flow_idle(f, now) > seconds)))
		return LB_ROW_NONE;
	WRITE_ONCE(f->seen, now);
	return f->backend;
}

/* A global function: it is verified once. */
__attribute__((noinline)) int affinity_remember(__u32 id)
{
	struct scratch *s = scratch_get();
	struct lb_backend *b = row_backend(id);

	if (!b || !s)
		return 0;
	s->flow = (struct lb_flow){
		.client = s->who.src,
		.backend = id,
		.gen = b->gen,
		.proto = s->who.proto,
		.flags = LB_FLOW_ALONE,
		.source = b->source,
		.seen = (__u32)bpf_jiffies64(),
		.vport = s->who.dport,
	};
	return table_put(&s->who, &s->flow, false);
}

/* The backend of the packet's client; LB_ROW_NONE: none is up. */
static __attribute__((noinline)) __u32 affinity_pick(const struct pkt *p)
{
	struct scratch *s = scratch_get();
	struct lb_tuple *who;
	__u32 seconds, id;
	int begins;
	__u64 hash;

	if (!s)
		return LB_ROW_NONE;
	who = &s->who;
	affinity_key(p, who);
	OPAQUE(who); /* else what was just written is kept on the stack as well */
	hash = hash_tuple(who);
	id = row_at(p->service, hash);
	if (!(id & LB_ROW_MOVED))
		return id;
	seconds = affinity_seconds(p);
	begins = !p->tcp || pkt_is_syn(p);
	id = affinity_known(who, begins, seconds);
	if (id != LB_ROW_NONE)
		return id;
	id = row_pick(p->service, hash, begins ? ROW_UNKNOWN : ROW_CONTINUES, seconds);
	affinity_remember(id);
	return id;
}

/* For services that remember no single flows. */
INLINE enum verdict stage_affinity(struct pkt *p)
{
	if (p->to || !(p->rules & LB_RULE_AFFINITY) || p->rules & LB_RULE_TRACK)
		return NEXT;
	p->backend = affinity_pick(p);
	p->to = row_backend(p->backend);
	if (!p->to)
		return END(p, no_backend);
	if (!LB_MODE_DIRECT(p->to->mode)) /* of before a change of forwarding: only the flow's entry can say how */
		p->to = NULL;
	else
		p->fresh = pkt_is_syn(p);
	return NEXT;
}
