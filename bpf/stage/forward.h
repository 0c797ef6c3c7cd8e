/* The way out: next hop, MTU and TTL checks, rewrite. To the backend the hop is the agent's (netlink), to the client
 * the one its own packets came from. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/nat.h"

/* Back out of the interface it came in by, or over to another; an interface that is not in `devices` is not ours to
 * use. */
INLINE bool forward_route(struct pkt *p, __u32 ifindex)
{
	if (ifindex == p->ctx->ingress_ifindex)
		p->action = XDP_TX;
	else
		p->action = bpf_redirect_map(&devices, ifindex, XDP_DROP);
	return p->action != XDP_DROP;
}

INLINE enum verdict forward_to_backend(struct pkt *p)
{
	__u32 id = p->flow->backend;
	struct lb_backend *b = bpf_map_lookup_elem(&backends, &id);

	if (!b || !(b->flags & LB_BACKEND_NEXTHOP))
		return END(p, no_nexthop);
	if (bpf_ntohs(p->ip->tot_len) > b->mtu)
		return END(p, too_big);
	if (!forward_route(p, b->ifindex))
		return END(p, no_nexthop);
	copy_macs(p->eth, b->dmac);
	nat_rewrite(p, p->flow);
	return END(p, forwarded);
}

INLINE enum verdict forward_to_client(struct pkt *p)
{
	if (!forward_route(p, p->flow->ifindex))
		return END(p, no_nexthop);
	copy_macs(p->eth, p->flow->dmac);
	nat_rewrite(p, p->flow);
	return END(p, replied);
}

INLINE enum verdict stage_forward(struct pkt *p)
{
	if (!p->flow)
		return END(p, not_ours);
	if (p->ip->ttl <= 1)
		return END(p, ttl_exceeded);
	return p->flow->flags & LB_FLOW_REVERSE ? forward_to_client(p) : forward_to_backend(p);
}
