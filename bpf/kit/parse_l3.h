/* Ethernet and IPv4. Whatever cannot be trusted is marked suspect, not dropped: only a later stage knows whether it is
 * ours. */
#pragma once
#include <linux/in.h>
#include "kit/pkt.h"

#define IP_FRAGMENT_BITS 0x3fff /* more-fragments and offset */
#define MAPPED_PREFIX	 bpf_htonl(0xffff)

INLINE void addr_map4(struct lb_addr *a, __be32 v4)
{
	a->w[0] = 0;
	a->w[1] = 0;
	a->w[2] = MAPPED_PREFIX;
	a->w[3] = v4;
}

INLINE enum verdict parse_eth(struct pkt *p)
{
	p->eth = pkt_peek(p, sizeof(*p->eth));
	if (!p->eth)
		return END(p, malformed);
	if (p->eth->h_proto == bpf_htons(ETH_P_8021Q) || p->eth->h_proto == bpf_htons(ETH_P_8021AD))
		return END(p, vlan);
	if (p->eth->h_proto != bpf_htons(ETH_P_IP))
		return END(p, not_ip);
	pkt_skip(p, sizeof(*p->eth));
	return NEXT;
}

/* Leaves the cursor at the transport header. Options are stepped over; bytes after the total length are padding. */
INLINE enum verdict parse_ipv4(struct pkt *p)
{
	struct iphdr *ip = pkt_peek(p, sizeof(*ip));
	__u32 hlen, total;

	if (!ip)
		return END(p, malformed);
	p->ip = ip;
	hlen = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	addr_map4(&p->key.src, ip->saddr);
	addr_map4(&p->key.dst, ip->daddr);
	p->key.proto = ip->protocol;
	if (ip->version != 4 || hlen < sizeof(*ip) || total < hlen || p->pos + total > p->end)
		p->suspect = LB_R_bad_header;
	else if (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
		p->suspect = LB_R_fragment;
	else
		pkt_skip(p, hlen);
	return NEXT;
}
