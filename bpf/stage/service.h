/* Whose packet is it? First the destination address alone, which lets everything that is not ours go to the stack
 * within a few instructions; later, with ports, the service. */
#pragma once
#include "kit/csum.h"
#include "kit/directory.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"

/* Answers of dnat backends go to their clients' addresses, so it is the source that tells them. */
INLINE bool service_from_server(const struct pkt *p)
{
	__u32 zero = 0;
	const struct lb_traits *t = bpf_map_lookup_elem(&traits, &zero);
	const struct lb_address *a;

	if (!t || !(t->flags & LB_TRAIT_DNAT))
		return false;
	a = directory_address(&p->key.src);
	return a && a->flags & LB_ADDRESS_SERVER;
}

/* To a VIP: nobody sends with the address that he sends to (the "LAND" attack), and routers drop what has a wrong sum,
 * as far as it can be told at little cost: without options. */
INLINE enum verdict service_sound(struct pkt *p)
{
	const __u32 *w = (const __u32 *)p->ip;

	if (directory_same(&p->key.src, &p->key.dst))
		return END(p, bad_source);
	if (p->ip && p->suspect != LB_R_bad_header && p->ip->ihl == sizeof(*p->ip) / 4 &&
	    csum_fold((__u64)w[0] + w[1] + w[2] + w[3] + w[4]) != 0xffff)
		return END(p, bad_checksum);
	return NEXT;
}

INLINE enum verdict stage_address(struct pkt *p)
{
	const struct lb_address *a = directory_address(&p->key.dst);

	if (a) {
		p->where = a->flags;
		p->vip = a;
	}
	if (p->where & LB_ADDRESS_VIP)
		return service_sound(p);
	if (p->where & LB_ADDRESS_SOURCE)
		return NEXT;
	if (service_from_server(p)) {
		p->where |= LB_ADDRESS_SERVER;
		return NEXT;
	}
	return p->suspect == LB_R_bad_header ? END(p, malformed) : END(p, not_ours);
}

INLINE bool service_is_vip(const struct pkt *p)
{
	return p->where & LB_ADDRESS_VIP;
}

/* A packet that cannot be balanced is dropped if it was meant for a VIP: the stack has no socket there and would only
 * answer for us. For any other address it is none of our business. */
INLINE enum verdict stage_suspect(struct pkt *p)
{
	if (!p->suspect)
		return NEXT;
	if (service_is_vip(p)) {
		p->reason = p->suspect;
		return DROP;
	}
	return p->suspect == LB_R_bad_header ? END(p, malformed) : END(p, not_ours);
}

INLINE bool service_find(struct pkt *p)
{
	__u32 found;

	if (!p->vip)
		return false;
	if (directory_port(p->vip, p->key.dport, p->key.proto, &p->rules, &p->service))
		return true;
	p->service = LB_ID_NONE;
	if (!(p->where & LB_ADDRESS_RANGES))
		return false;
	found = directory_range(p->vip->id, bpf_ntohs(p->key.dport), p->key.proto);
	p->rules = found >> 16;
	p->service = found;
	return p->service != LB_ID_NONE;
}

/* The service of a packet of which only the addresses are known. */
INLINE bool service_find_any(struct pkt *p)
{
	return p->vip && directory_port(p->vip, 0, p->key.proto | LB_PORT_ANY, &p->rules, &p->service);
}

/* May it be an answer to a flow? Then its entry tells. */
INLINE bool service_is_answer(const struct pkt *p)
{
	__u16 port = bpf_ntohs(p->key.dport);

	if (p->where & LB_ADDRESS_SERVER)
		return true;
	return p->where & LB_ADDRESS_SOURCE && port >= knob_snat_port_lo && port <= knob_snat_port_hi;
}

/* p->service stays LB_ID_NONE for what can only be an answer. */
INLINE enum verdict stage_service(struct pkt *p)
{
	if (service_is_vip(p) && service_find(p))
		return NEXT;
	return service_is_answer(p) ? NEXT : END(p, not_ours);
}
