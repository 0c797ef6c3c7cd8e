/* The way out: next hop, MTU and TTL checks, then what the backend's mode asks for. To the backend the hop is the
 * agent's (netlink), to the client the one its own packets came from. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/encap.h"
#include "stage/icmp.h"
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

/* Tags stay as they are on a packet that goes back to where it came from, into the same VLAN; elsewhere it goes
 * untagged.
 */
INLINE bool forward_leave(struct pkt *p, const struct lb_backend *b)
{
	if (b->ifindex != p->ctx->ingress_ifindex)
		return l2_leave(p, b->dmac, NULL);
	copy_macs(p->eth, b->dmac);
	return true;
}

/* Modes that leave the packet whole. A sub-program, to keep the caller's stack small. */
static __attribute__((noinline)) bool forward_whole(struct pkt *p, const struct lb_backend *b)
{
	if (b->mode == LB_MODE_DSR)
		return forward_leave(p, b);
	return encap_push(p, b);
}

/* The usual way: see encap_push_inline. */
INLINE bool forward_whole_inline(struct pkt *p, const struct lb_backend *b)
{
	if (b->mode == LB_MODE_DSR)
		return forward_leave(p, b);
	return encap_push_inline(p, b);
}

/* Everything that can refuse the packet, before anything of it is changed. dsr is no hop: it leaves the TTL alone, as a
 * switch would. NEXT: it may go. */
INLINE enum verdict forward_allow(struct pkt *p, const struct lb_backend *b)
{
	__u32 room;

	if (!b || !(b->flags & LB_BACKEND_NEXTHOP))
		return END(p, no_nexthop);
	if (pkt_hops(p) <= 1 && b->mode != LB_MODE_DSR)
		return END(p, ttl_exceeded);
	room = encap_room(b);
	if (p->ip_len + room > b->mtu)
		return icmp_too_big(p, b->mtu - room);
	return forward_route(p, b->ifindex) ? NEXT : END(p, no_nexthop);
}

INLINE enum verdict forward_to_backend(struct pkt *p)
{
	const struct lb_backend *b = p->to;

	TRY(forward_allow(p, b));
	if (LB_MODE_DIRECT(b->mode))
		return forward_whole(p, b) ? END(p, forwarded) : END(p, no_headroom);
	if (!p->flow)
		return END(p, no_flow);
	nat_to_backend(p, p->flow, b);
	return forward_leave(p, b) ? END(p, forwarded) : END(p, no_headroom);
}

INLINE enum verdict forward_to_client(struct pkt *p)
{
	const struct lb_way *way = &p->flow->way;

	if (pkt_hops(p) <= 1)
		return END(p, ttl_exceeded);
	if (!forward_route(p, way->ifindex))
		return END(p, no_nexthop);
	nat_to_client(p, p->flow, p->to);
	return l2_leave(p, way->dmac, way->vlan) ? END(p, replied) : END(p, no_headroom);
}

/* For packets whose row said all. */
INLINE enum verdict forward_by_row(struct pkt *p)
{
	TRY(forward_allow(p, p->to));
	if (!LB_MODE_DIRECT(p->to->mode))
		return END(p, no_flow);
	return forward_whole_inline(p, p->to) ? END(p, forwarded) : END(p, no_headroom);
}

INLINE enum verdict stage_forward(struct pkt *p)
{
	if (!p->to)
		return END(p, not_ours);
	return p->flow && p->flow->flags & LB_FLOW_REVERSE ? forward_to_client(p) : forward_to_backend(p);
}
