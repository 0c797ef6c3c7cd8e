/* Is it for a VIP? Runs for packets without a flow only; everything that is not ours leaves here, to the stack. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"

static __attribute__((noinline)) bool service_owns_address(const struct pkt *p)
{
	struct lb_vip_key key = { .addr = p->key.dst };

	return bpf_map_lookup_elem(&vips, &key);
}

/* A packet that cannot be balanced is dropped if it was meant for a VIP: the stack has no socket there and would only
 * answer for us. For any other address it is none of our business. */
INLINE enum verdict stage_suspect(struct pkt *p)
{
	if (!p->suspect)
		return NEXT;
	if (service_owns_address(p)) {
		p->reason = p->suspect;
		return DROP;
	}
	if (p->suspect == LB_R_bad_header)
		return END(p, malformed);
	return END(p, not_ours);
}

INLINE enum verdict stage_service(struct pkt *p)
{
	struct lb_vip_key key = { .addr = p->key.dst, .port = p->key.dport, .proto = p->key.proto };
	struct lb_vip *vip;

	if (p->flow)
		return NEXT;
	vip = bpf_map_lookup_elem(&vips, &key);
	if (!vip || vip->service == LB_ID_NONE)
		return END(p, not_ours);
	p->service = vip->service;
	return NEXT;
}
