/* Putting a packet inside another one, of either family in either family. IPIP: RFC 2003, 2473, 4213. GUE variant 1:
 * the inner header follows the UDP header at once. */
#pragma once
#include "kit/csum.h"
#include "kit/hash.h"
#include "kit/parse_l3.h"
#include "kit/pkt.h"
#include "stage/l2.h"

#define ENCAP_TTL	64
#define ENCAP_DF	0x4000
#define ENCAP_PORT_LOW	0xc000 /* source ports: the dynamic range (RFC 6335), 14 bits of the flow hash */
#define ENCAP_PORT_MASK 0x3fff

/* What the outer header takes from the inner one, read before the head moves. */
struct encap_inner {
	__u32 len;  /* without Ethernet padding */
	__u32 hash; /* of the flow */
	__u32 tags; /* bytes of them */
	__be16 id, frag;
	__u8 tos;
	__u8 proto; /* as the header before says it */
	__u8 pad[2];
};

INLINE bool encap_is_six(const struct lb_backend *b)
{
	return !addr_is_mapped(&b->addr);
}

/* Bytes that the backend's mode puts before the packet. */
INLINE __u32 encap_room(const struct lb_backend *b)
{
	__u32 ip = encap_is_six(b) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

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

/* TOS with both its parts (RFC 6040 §4.1 for ECN) and DF are the inner packet's. So is the identification: without DF
 * the outer packet may be fragmented, and then it must differ from its neighbours'. */
INLINE void encap_look(const struct pkt *p, struct encap_inner *in)
{
	in->len = p->ip_len;
	in->tags = l2_tag_bytes(p->vlan);
	in->tos = 0;
	in->proto = 0;
	in->id = in->frag = 0;
	if (p->ip6) {
		in->tos = p->ip6->priority << 4 | p->ip6->flow_lbl[0] >> 4;
		in->id = 0;
		in->frag = bpf_htons(ENCAP_DF);
		in->proto = IPPROTO_IPV6;
	} else if (p->ip) {
		in->tos = p->ip->tos;
		in->id = p->ip->id;
		in->frag = p->ip->frag_off & bpf_htons(ENCAP_DF);
		in->proto = IPPROTO_IPIP;
	}
}

/* Of a header without options whose check field is zero. Network order throughout: a ones' complement sum does not
 * mind the order of bytes. Reads what was just written, so it is for rare headers. */
INLINE __u16 encap_csum(const struct iphdr *ip)
{
	const __u16 *w = (const __u16 *)ip;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*ip) / 2; i++)
		sum += w[i];
	return ~csum_fold(sum);
}

/* Summed up in registers: words read back from memory right after smaller ones were written there stall. */
INLINE void encap_ip4(struct iphdr *o, const struct encap_inner *in, const struct lb_backend *b, __u32 room, __u8 proto)
{
	__u32 first = in->tos << 8 | 0x45, hops = (__u32)proto << 8 | ENCAP_TTL;
	__u16 len = bpf_htons(in->len + room);
	__be32 from = b->snat.w[3], to = b->addr.w[3];
	__u64 sum = (__u64)first + len + in->id + in->frag + hops + from + to;

	*(__u16 *)o = first;
	o->tot_len = len;
	o->id = in->id;
	o->frag_off = in->frag;
	*(__u16 *)&o->ttl = hops;
	o->check = ~csum_fold(sum);
	o->saddr = from;
	o->daddr = to;
}

/* The flow label spreads flows where routers look no further (RFC 6438). */
INLINE void encap_ip6(struct ipv6hdr *o, const struct encap_inner *in, const struct lb_backend *b, __u32 room,
		      __u8 proto)
{
	*(__be32 *)o = bpf_htonl(6u << 28 | (__u32)in->tos << 20 | (in->hash & 0xfffff));
	o->payload_len = bpf_htons(in->len + room - sizeof(*o));
	o->nexthdr = proto;
	o->hop_limit = ENCAP_TTL;
	__builtin_memcpy(&o->saddr, &b->snat, sizeof(o->saddr));
	__builtin_memcpy(&o->daddr, &b->addr, sizeof(o->daddr));
}

/* Without a checksum, which IPv4 allows (RFC 768), IPv6 for tunnels (RFC 6935), and the inner packet has of its own.
 * The source port spreads flows over the receiver's queues. */
INLINE void encap_udp(struct udphdr *u, const struct encap_inner *in)
{
	u->source = bpf_htons(ENCAP_PORT_LOW | (in->hash & ENCAP_PORT_MASK));
	u->dest = bpf_htons(LB_GUE_PORT);
	u->len = bpf_htons(in->len + sizeof(*u));
	u->check = 0;
}

/* six and gue are constants. */
INLINE bool encap_headers(struct xdp_md *ctx, const struct lb_backend *b, const struct encap_inner *in, bool six,
			  bool gue)
{
	__u32 ip = six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), room = ip + (gue ? sizeof(struct udphdr) : 0);
	struct ethhdr *eth = l2_move(ctx, (int)in->tags - (int)room, sizeof(*eth) + room);
	void *at = eth + 1;

	if (!eth)
		return false;
	copy_macs(eth, b->dmac);
	eth->h_proto = six ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	if (six)
		encap_ip6(at, in, b, room, gue ? IPPROTO_UDP : in->proto);
	else
		encap_ip4(at, in, b, room, gue ? IPPROTO_UDP : in->proto);
	if (gue)
		encap_udp(at + ip, in);
	return true;
}

/* A global function, as l2_retag is. 0: the driver leaves too little room before the frame. */
__attribute__((noinline)) int encap_put(struct xdp_md *ctx, const struct lb_backend *b, const struct encap_inner *in)
{
	if (!b || !in)
		return 0;
	if (encap_is_six(b))
		return b->mode == LB_MODE_GUE ? encap_headers(ctx, b, in, true, true)
					      : encap_headers(ctx, b, in, true, false);
	return b->mode == LB_MODE_GUE ? encap_headers(ctx, b, in, false, true)
				      : encap_headers(ctx, b, in, false, false);
}

INLINE void encap_prepare(struct pkt *p, struct encap_inner *in)
{
	encap_age(p);
	encap_look(p, in);
	in->hash = p->hash;
}

INLINE bool encap_push(struct pkt *p, const struct lb_backend *b)
{
	struct encap_inner in = {};

	if (b->mode == LB_MODE_GUE || encap_is_six(b))
		p->hash = hash_tuple(&p->key);
	encap_prepare(p, &in);
	return encap_put(p->ctx, b, &in);
}

/* The same in place, for the way most packets take: returning from a function costs some nanoseconds where the kernel
 * guards returns against speculation. */
INLINE bool encap_push_inline(struct pkt *p, const struct lb_backend *b)
{
	struct encap_inner in;
	bool gue = b->mode == LB_MODE_GUE;
	__u32 room = sizeof(struct iphdr) + (gue ? sizeof(struct udphdr) : 0);
	struct ethhdr *eth;
	struct iphdr *ip;

	encap_prepare(p, &in);
	if (encap_is_six(b))
		return encap_put(p->ctx, b, &in);
	eth = l2_move(p->ctx, (int)in.tags - (int)room, sizeof(*eth) + sizeof(*ip) + sizeof(struct udphdr));
	if (!eth)
		return false;
	ip = (void *)(eth + 1);
	copy_macs(eth, b->dmac);
	eth->h_proto = bpf_htons(ETH_P_IP);
	encap_ip4(ip, &in, b, room, gue ? IPPROTO_UDP : in.proto);
	if (gue)
		encap_udp((void *)(ip + 1), &in);
	return true;
}
