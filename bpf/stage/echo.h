/* Ping: echo requests to VIPs that want it are answered in place (RFC 792, RFC 4443 §4.1), at no more than the rate of
 * all messages of our own. The checksum is updated, not made: a broken request gets a broken answer. */
#pragma once
#include "kit/csum.h"
#include "kit/pkt.h"
#include "stage/icmp.h"

/* IPv4 options would have to be turned round (RFC 1122 §3.2.2.6): such a request is the stack's. */
INLINE bool echo_is_request(const struct pkt *p, const struct icmp_header *icmp)
{
	if (p->ip)
		return p->key.proto == IPPROTO_ICMP && icmp->type == ICMP_ECHO_REQUEST &&
		       p->ip->ihl == sizeof(*p->ip) / 4;
	return p->key.proto == IPPROTO_ICMPV6 && icmp->type == ICMP6_ECHO_REQUEST;
}

/* Addresses that change places leave every sum as it is. The TTL is the high byte of its checksum word. */
INLINE void echo_turn4(struct pkt *p)
{
	__u16 was = bpf_htons(p->ip->ttl << 8);

	p->ip->saddr = p->key.dst.w[3];
	p->ip->daddr = p->key.src.w[3];
	p->ip->ttl = ICMP_TTL;
	p->ip->check = csum_update(p->ip->check, csum_swap16(0, was, bpf_htons(ICMP_TTL << 8)));
}

INLINE void echo_turn6(struct pkt *p)
{
	__builtin_memcpy(&p->ip6->saddr, &p->key.dst, sizeof(p->key.dst));
	__builtin_memcpy(&p->ip6->daddr, &p->key.src, sizeof(p->key.src));
	p->ip6->hop_limit = ICMP_TTL;
}

INLINE void echo_turn_macs(struct ethhdr *eth)
{
	__u8 to[2 * ETH_ALEN];

	__builtin_memcpy(to, eth->h_source, ETH_ALEN);
	__builtin_memcpy(to + ETH_ALEN, eth->h_dest, ETH_ALEN);
	copy_macs(eth, to);
}

/* NEXT: not a ping that we answer. */
INLINE enum verdict stage_echo(struct pkt *p)
{
	struct icmp_header *icmp = pkt_peek(p, sizeof(*icmp));
	__u8 reply = p->ip ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY;

	if (!(p->where & LB_ADDRESS_ECHO) || !icmp || sizeof(*icmp) > p->l4_len || !echo_is_request(p, icmp))
		return NEXT;
	if (!icmp_pay((__u32)bpf_jiffies64()))
		return END(p, echo_limited);
	icmp->check = csum_update(icmp->check, csum_swap16(0, bpf_htons(icmp->type << 8), bpf_htons(reply << 8)));
	icmp->type = reply;
	if (p->ip)
		echo_turn4(p);
	else if (p->ip6)
		echo_turn6(p);
	echo_turn_macs(p->eth);
	icmp_turn_back(p);
	return END(p, echoed);
}
