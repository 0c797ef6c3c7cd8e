/* The link layer of the frame that leaves: MACs, and as many VLAN tags as its way out wants. Moving the head kills
 * every header pointer in struct pkt, so what lies behind must be right before. */
#pragma once
#include "kit/pkt.h"
#include "kit/verifier.h"

INLINE __u32 l2_tag_bytes(const struct lb_vlan *v)
{
	return (!!v[0].tpid + !!v[1].tpid) * sizeof(*v);
}

/* Tags and the type behind them; at: behind the MACs, with room for all tags. */
INLINE void l2_put_type(__be16 *at, const struct lb_vlan *v, __be16 type)
{
	if (!v[0].tpid) {
		at[0] = type;
		return;
	}
	at[0] = v[0].tpid;
	at[1] = v[0].tci;
	at[2] = v[1].tpid ?: type;
	if (!v[1].tpid)
		return;
	at[3] = v[1].tci;
	at[4] = type;
}

/* Moves the beginning of the frame by so many bytes. The new one, or NULL: the driver has no room for that, or fewer
 * than n bytes are left. */
INLINE void *l2_move(struct xdp_md *ctx, int by, __u32 n)
{
	void *at;

	if (bpf_xdp_adjust_head(ctx, by))
		return NULL;
	at = (void *)(long)ctx->data;
	return at + n > (void *)(long)ctx->data_end ? NULL : at;
}

/* What a frame leaves with. */
struct l2_leave {
	__u8 macs[2 * ETH_ALEN]; /* destination, source */
	struct lb_vlan vlan[LB_VLANS];
	__be16 type;
	__be16 pad;
	__u32 had; /* bytes of tags it came with */
};

/* A global function, like all that move the head: verified once, not once for every way a packet can get there. */
__attribute__((noinline)) int l2_retag(struct xdp_md *ctx, const struct l2_leave *l)
{
	void *at;

	if (!l)
		return 0;
	at = l2_move(ctx, (int)l->had - (int)l2_tag_bytes(l->vlan), sizeof(struct ethhdr) + sizeof(l->vlan));
	if (!at)
		return 0;
	copy_macs(at, l->macs);
	l2_put_type(at + 2 * ETH_ALEN, l->vlan, l->type);
	return 1;
}

INLINE __be16 l2_type(const struct pkt *p)
{
	return p->ip6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
}

static __attribute__((noinline)) bool l2_leave_tagged(struct pkt *p, const __u8 *macs, const struct lb_vlan *want)
{
	struct l2_leave l = {};

	copy_macs(l.macs, macs);
	if (want) {
		l.vlan[0] = want[0];
		l.vlan[1] = want[1];
	}
	l.type = l2_type(p);
	l.had = l2_tag_bytes(p->vlan);
	return l2_retag(p->ctx, &l);
}

/* The last thing done to a packet. macs: destination, then source; want NULL: no tags. Without tags on either side, the
 * usual case, only the MACs change. False: no room before the frame. */
INLINE bool l2_leave(struct pkt *p, const __u8 *macs, const struct lb_vlan *want)
{
	if (p->vlan[0].tpid || (want && want[0].tpid))
		return l2_leave_tagged(p, macs, want);
	copy_macs(p->eth, macs);
	return true;
}
