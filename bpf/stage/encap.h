/* Putting a packet inside another one: what kit/outer.h writes, in front of a frame. */
#pragma once
#include "kit/hash.h"
#include "kit/outer.h"
#include "kit/pkt.h"
#include "stage/l2.h"

/* Bytes that the backend's mode puts before the packet. */
INLINE __u32 encap_room(const struct lb_backend *b)
{
	__u32 ip = outer_is_six(b) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	if (b->mode == LB_MODE_GUE)
		return ip + sizeof(struct udphdr);
	return b->mode == LB_MODE_IPIP ? ip : 0;
}

/* One hop less, as a router does. The TTL is the high byte of its checksum word. */
INLINE void encap_age(struct pkt *p)
{
	if (p->ip6) {
		p->ip6->hop_limit--;
	} else if (p->ip) {
		p->ip->ttl--;
		p->ip->check = csum_update(p->ip->check, csum_swap16(0, bpf_htons(0x0100), 0));
	}
}

INLINE void encap_look(const struct pkt *p, struct outer_look *in)
{
	in->len = p->ip_len;
	in->tags = l2_tag_bytes(p->vlan);
	in->tos = 0;
	in->proto = 0;
	in->id = in->frag = 0;
	if (p->ip6)
		outer_look6(in, p->ip6);
	else if (p->ip)
		outer_look4(in, p->ip);
}

/* six and gue are constants. */
INLINE bool encap_headers(struct xdp_md *ctx, const struct lb_backend *b, const struct outer_look *in, bool six,
			  bool gue)
{
	__u32 ip = six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), room = ip + (gue ? sizeof(struct udphdr) : 0);
	struct ethhdr *eth = l2_move(ctx, (int)in->tags - (int)room, sizeof(*eth) + room);

	if (!eth)
		return false;
	copy_macs(eth, b->dmac);
	eth->h_proto = six ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	outer_write(eth + 1, b, in, six, gue);
	return true;
}

/* A global function, as l2_retag is. 0: the driver leaves too little room before the frame. */
__attribute__((noinline)) int encap_put(struct xdp_md *ctx, const struct lb_backend *b, const struct outer_look *in)
{
	if (!b || !in)
		return 0;
	if (outer_is_six(b))
		return b->mode == LB_MODE_GUE ? encap_headers(ctx, b, in, true, true)
					      : encap_headers(ctx, b, in, true, false);
	return b->mode == LB_MODE_GUE ? encap_headers(ctx, b, in, false, true)
				      : encap_headers(ctx, b, in, false, false);
}

INLINE void encap_prepare(struct pkt *p, struct outer_look *in)
{
	encap_age(p);
	encap_look(p, in);
	in->hash = p->hash;
}

INLINE bool encap_push(struct pkt *p, const struct lb_backend *b)
{
	struct outer_look in = {};

	if (b->mode == LB_MODE_GUE || outer_is_six(b))
		p->hash = hash_tuple(&p->key);
	encap_prepare(p, &in);
	return encap_put(p->ctx, b, &in);
}

/* The same in place, for the way most packets take: returning from a function costs some nanoseconds where the kernel
 * guards returns against speculation. */
INLINE bool encap_push_inline(struct pkt *p, const struct lb_backend *b)
{
	struct outer_look in;
	bool gue = b->mode == LB_MODE_GUE;
	__u32 room = sizeof(struct iphdr) + (gue ? sizeof(struct udphdr) : 0);
	struct ethhdr *eth;
	struct iphdr *ip;

	encap_prepare(p, &in);
	if (outer_is_six(b))
		return encap_put(p->ctx, b, &in);
	eth = l2_move(p->ctx, (int)in.tags - (int)room, sizeof(*eth) + sizeof(*ip) + sizeof(struct udphdr));
	if (!eth)
		return false;
	ip = (void *)(eth + 1);
	copy_macs(eth, b->dmac);
	eth->h_proto = bpf_htons(ETH_P_IP);
	outer_ip4(ip, &in, b, room, gue ? IPPROTO_UDP : in.proto);
	if (gue)
		outer_udp((void *)(ip + 1), &in);
	return true;
}
