/* The usual way of a packet that leaves as it came (ipip, gue, dsr): its row says where to, and nothing is remembered.
 * Only the rows that a change of the table moved need memory, and only until the connections that it concerned are over
 * (Olteanu et al., "Stateless Datacenter Load-balancing with Beamer", NSDI 2018, has the past of a row; Mendelson et
 * al., "Load Balancing with JET", CoNEXT 2020, tracks no more than a change would move). */
#pragma once
#include "kit/hash.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"

/* The service's table; NULL: it has none. */
INLINE __u16 *row_table(__u32 service)
{
	__u32 zero = 0;
	void *table = bpf_map_lookup_elem(&maglev, &service);

	return table ? bpf_map_lookup_elem(table, &zero) : NULL;
}

/* LB_ROW_NONE if there is no table. */
INLINE __u32 row_at(__u32 service, __u64 hash)
{
	__u32 at = lb_hash_row(hash, knob_maglev_size);
	__u16 *rows = row_table(service);

	return rows && at < knob_maglev_size ? rows[at] : LB_ROW_NONE;
}

/* What the row was before it moved; id LB_ROW_NONE: not known. */
INLINE struct lb_past row_past(__u32 service, __u64 hash)
{
	struct lb_past none = { .id = LB_ROW_NONE };
	__u32 at = lb_hash_row(hash, knob_maglev_size);
	__u16 *rows = row_table(service);

	return rows && at < knob_maglev_size ? ((struct lb_past *)(rows + knob_maglev_size))[at] : none;
}

INLINE struct lb_backend *row_backend(__u32 id)
{
	return id >= LB_ROW_NONE ? NULL : bpf_map_lookup_elem(&backends, &id);
}

/* How a packet without an entry in the flow table tells where its flow began. */
enum row_kind {
	ROW_BEGINS,    /* a SYN: with the row's backend of today */
	ROW_CONTINUES, /* TCP in the middle of a connection: with the one before, if there was one */
	ROW_UNKNOWN,   /* a datagram: with the one before while a flow of then may still be alive */
};

/* Did the row move less than `window` seconds ago? */
INLINE bool row_is_recent(struct lb_past was, __u32 window)
{
	__u16 age = (__u16)(bpf_ktime_get_boot_ns() / 1000000000) - was.when;

	return age <= window;
}

/* The backend of a flow that has no entry; LB_ROW_NONE: none. `window` is for ROW_UNKNOWN. A global function: it is
 * verified once. */
__attribute__((noinline)) int row_pick(__u32 service, __u64 hash, int kind, __u32 window)
{
	__u32 row = row_at(service, hash);
	struct lb_past was;
	struct lb_backend *b;

	if (!(row & LB_ROW_MOVED) || kind == ROW_BEGINS)
		return row & LB_ROW_ID;
	was = row_past(service, hash);
	b = row_backend(was.id);
	if (!b || b->service != service) /* its id is another's by now */
		return row & LB_ROW_ID;
	if (kind == ROW_CONTINUES || (b->flags & LB_BACKEND_UP && row_is_recent(was, window)))
		return was.id;
	return row & LB_ROW_ID;
}

INLINE int row_kind(const struct pkt *p)
{
	if (!p->tcp)
		return ROW_UNKNOWN;
	return pkt_is_syn(p) ? ROW_BEGINS : ROW_CONTINUES;
}

/* Sets p->to when the row alone decides. */
INLINE enum verdict stage_row(struct pkt *p)
{
	__u64 hash;
	__u32 row;

	if (p->to || p->service == LB_ID_NONE || p->rules & ~LB_RULE_QUIC)
		return NEXT;
	hash = hash_tuple(&p->key);
	p->hash = hash;
	row = row_at(p->service, hash);
	if (row & LB_ROW_MOVED)
		return NEXT;
	p->to = row_backend(row);
	if (!p->to)
		return END(p, no_backend);
	p->backend = row;
	p->fresh = pkt_is_syn(p);
	return NEXT;
}
