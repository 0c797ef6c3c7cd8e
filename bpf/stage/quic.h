/* QUIC: a connection id that a server chose names the server, so that its client may change address and port. Plaintext
 * ids only (draft-ietf-quic-load-balancers §4, §5.1): three bits of configuration id, five of length or noise, the
 * server id, a nonce. Where the destination id lies: RFC 9000 §17.2 (long header), §17.3 (short). A client's first
 * packets have an id of its own making, and go by their tuple. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/row.h"

#define QUIC_LONG	 0x80
#define QUIC_SHORT_ID_AT 1
#define QUIC_LONG_LEN_AT 5
#define QUIC_LONG_ID_AT	 6

/* What of a packet may name a server. */
struct quic_id {
	__u8 first; /* octet: configuration id, and more */
	__u8 id[LB_QUIC_ID];
} __attribute__((packed));

/* Reads the beginning of the destination id. False: it has none that is long enough. No QUIC packet is so short that
 * bytes behind an id would be missing (RFC 9001 §5.4.2). */
INLINE bool quic_read(const struct pkt *p, __u32 length, struct quic_id *ret)
{
	__u32 at = (void *)(p->udp + 1) - (void *)(long)p->ctx->data, id_at = QUIC_SHORT_ID_AT;
	__u8 head[QUIC_LONG_ID_AT];

	if (p->l4_len < sizeof(*p->udp) + sizeof(head) + sizeof(*ret) ||
	    bpf_xdp_load_bytes(p->ctx, at, head, sizeof(head)) < 0)
		return false;
	if (head[0] & QUIC_LONG) {
		if (head[QUIC_LONG_LEN_AT] < 1 + length)
			return false;
		id_at = QUIC_LONG_ID_AT;
	}
	return bpf_xdp_load_bytes(p->ctx, at + id_at, ret, sizeof(*ret)) == 0;
}

/* The first `length` bytes of the id, as the map has them. */
INLINE void quic_key(struct lb_quic_key *k, const struct quic_id *q, __u32 length, __u32 service)
{
	__u64 id;

	__builtin_memcpy(&id, q->id, sizeof(id));
	id &= ~0ULL >> ((LB_QUIC_ID - length) * 8 & 63);
	__builtin_memcpy(k->id, &id, sizeof(id));
	k->service = service;
	k->pad = 0;
}

/* The backend that the packet's connection id names; LB_ROW_NONE: none of this service. It is not asked whether it is
 * up: nobody else knows the connection. */
static __attribute__((noinline)) __u32 quic_pick(const struct pkt *p)
{
	__u32 service = p->service, *found;
	struct lb_service *s = bpf_map_lookup_elem(&services, &service);
	struct quic_id q = {};
	struct lb_quic_key k;
	struct lb_backend *b;

	if (!s || !p->udp || !s->quic_length || s->quic_length > LB_QUIC_ID)
		return LB_ROW_NONE;
	if (!quic_read(p, s->quic_length, &q) || q.first >> 5 != s->quic_config)
		return LB_ROW_NONE;
	quic_key(&k, &q, s->quic_length, service);
	found = bpf_map_lookup_elem(&quic_ids, &k);
	b = found ? row_backend(*found) : NULL;
	return b && b->service == p->service ? *found : LB_ROW_NONE;
}

/* Where flows have entries, p->backend only says which backend a new one goes to (stage/pick.h). */
INLINE enum verdict stage_quic(struct pkt *p)
{
	__u32 id;

	if (!(p->rules & LB_RULE_QUIC))
		return NEXT;
	id = quic_pick(p);
	if (id == LB_ROW_NONE)
		return NEXT;
	p->backend = id;
	if (!(p->rules & LB_RULE_TRACK))
		p->to = row_backend(id);
	return NEXT;
}
