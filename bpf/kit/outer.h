/* Outer headers of a packet inside another one, of either family in either family, written for the balancer's packets
 * and its health checks alike. IPIP: RFC 2003, 2473, 4213. GUE variant 1: the inner header follows the UDP header at
 * once. */
#pragma once
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include "kit/csum.h"
#include "kit/verifier.h"
#include "lb/backend.h"

#define OUTER_TTL	64
#define OUTER_DF	0x4000
#define OUTER_PORT_LOW	0xc000 /* source ports: the dynamic range (RFC 6335), 14 bits of the flow hash */
#define OUTER_PORT_MASK 0x3fff
#define OUTER_MAPPED	bpf_htonl(0xffff) /* third word of an IPv4 address */

/* What the outer header takes from the inner one, read before the head moves. */
struct outer_look {
	__u32 len;  /* without Ethernet padding */
	__u32 hash; /* of the flow */
	__u32 tags; /* bytes of them */
	__be16 id, frag;
	__u8 tos;
	__u8 proto; /* as the header before says it */
	__u8 pad[2];
};

/* Is the backend reached by IPv6? */
INLINE bool outer_is_six(const struct lb_backend *b)
{
	return b->addr.w[2] != OUTER_MAPPED || b->addr.w[0] | b->addr.w[1];
}

/* TOS with both its parts (RFC 6040 §4.1 for ECN) and DF are the inner packet's. So is the identification: without DF
 * the outer packet may be fragmented, and then it must differ from its neighbours'. */
INLINE void outer_look4(struct outer_look *in, const struct iphdr *ip)
{
	in->tos = ip->tos;
	in->id = ip->id;
	in->frag = ip->frag_off & bpf_htons(OUTER_DF);
	in->proto = IPPROTO_IPIP;
}

INLINE void outer_look6(struct outer_look *in, const struct ipv6hdr *ip6)
{
	in->tos = ip6->priority << 4 | ip6->flow_lbl[0] >> 4;
	in->id = 0;
	in->frag = bpf_htons(OUTER_DF);
	in->proto = IPPROTO_IPV6;
}

/* Of a header without options whose check field is zero. Network order throughout: a ones' complement sum does not
 * mind the order of bytes. Reads what was just written, so it is for rare headers. */
INLINE __u16 outer_csum(const struct iphdr *ip)
{
	const __u16 *w = (const __u16 *)ip;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < sizeof(*ip) / 2; i++)
		sum += w[i];
	return ~csum_fold(sum);
}

/* Summed up in registers: words read back from memory right after smaller ones were written there stall. */
INLINE void outer_ip4(struct iphdr *o, const struct outer_look *in, const struct lb_backend *b, __u32 room, __u8 proto)
{
	__u32 first = in->tos << 8 | 0x45, hops = (__u32)proto << 8 | OUTER_TTL;
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
INLINE void outer_ip6(struct ipv6hdr *o, const struct outer_look *in, const struct lb_backend *b, __u32 room,
		      __u8 proto)
{
	*(__be32 *)o = bpf_htonl(6u << 28 | (__u32)in->tos << 20 | (in->hash & 0xfffff));
	o->payload_len = bpf_htons(in->len + room - sizeof(*o));
	o->nexthdr = proto;
	o->hop_limit = OUTER_TTL;
	__builtin_memcpy(&o->saddr, &b->snat, sizeof(o->saddr));
	__builtin_memcpy(&o->daddr, &b->addr, sizeof(o->daddr));
}

/* Without a checksum, which IPv4 allows (RFC 768), IPv6 for tunnels (RFC 6935), and the inner packet has of its own.
 * The source port spreads flows over the receiver's queues. */
INLINE void outer_udp(struct udphdr *u, const struct outer_look *in)
{
	u->source = bpf_htons(OUTER_PORT_LOW | (in->hash & OUTER_PORT_MASK));
	u->dest = bpf_htons(LB_GUE_PORT);
	u->len = bpf_htons(in->len + sizeof(*u));
	u->check = 0;
}

/* six and gue are constants. */
INLINE void outer_write(void *at, const struct lb_backend *b, const struct outer_look *in, bool six, bool gue)
{
	__u32 ip = six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), room = ip + (gue ? sizeof(struct udphdr) : 0);

	if (six)
		outer_ip6(at, in, b, room, gue ? IPPROTO_UDP : in->proto);
	else
		outer_ip4(at, in, b, room, gue ? IPPROTO_UDP : in->proto);
	if (gue)
		outer_udp(at + ip, in);
}
