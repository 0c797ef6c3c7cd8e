/* TCP and UDP. ICMP belongs to the stack until errors are steered. */
#pragma once
#include <linux/in.h>
#include "kit/pkt.h"

/* The transport header must lie inside the IP packet, not only inside the frame: the rest is padding. */
INLINE bool l4_fits(const struct pkt *p, __u32 need)
{
	return need <= p->l4_len;
}

#define TCP_FLAGS_AT 13 /* RFC 9293 §3.1: FIN 1, SYN 2, RST 4, ACK 16 */

/* Header flags → LB_TCP_*. Without branches: sixteen combinations would be verified one by one. */
INLINE __u8 tcp_summary(__u32 flags)
{
	__u32 fin, syn, rst, ack;

	OPAQUE(flags);
	fin = flags & 1;
	syn = flags >> 1 & 1;
	rst = flags >> 2 & 1;
	ack = flags >> 4 & 1;
	return (syn & ~ack) * LB_TCP_SYN | (ack & ~syn) * LB_TCP_ACKED | fin * LB_TCP_FIN | rst * LB_TCP_RST;
}

INLINE void parse_tcp(struct pkt *p)
{
	struct tcphdr *tcp = pkt_peek(p, sizeof(*tcp));

	if (!tcp || !l4_fits(p, sizeof(*tcp))) {
		p->suspect = LB_R_truncated;
		return;
	}
	if (tcp->doff * 4 < sizeof(*tcp) || !l4_fits(p, tcp->doff * 4)) {
		p->suspect = LB_R_bad_header;
		return;
	}
	if (tcp->syn && (tcp->fin || tcp->rst)) {
		p->suspect = LB_R_bad_flags;
		return;
	}
	p->tcp = tcp;
	p->key.sport = tcp->source;
	p->key.dport = tcp->dest;
	p->l4_flags = tcp_summary(((__u8 *)tcp)[TCP_FLAGS_AT]);
}

INLINE void parse_udp(struct pkt *p)
{
	struct udphdr *udp = pkt_peek(p, sizeof(*udp));

	if (!udp || !l4_fits(p, sizeof(*udp))) {
		p->suspect = LB_R_truncated;
		return;
	}
	if (bpf_ntohs(udp->len) < sizeof(*udp) || !l4_fits(p, bpf_ntohs(udp->len))) {
		p->suspect = LB_R_bad_header;
		return;
	}
	p->udp = udp;
	p->key.sport = udp->source;
	p->key.dport = udp->dest;
}

INLINE enum verdict parse_l4(struct pkt *p)
{
	if (p->suspect)
		return NEXT;
	if (p->key.proto == IPPROTO_TCP)
		parse_tcp(p);
	else if (p->key.proto == IPPROTO_UDP)
		parse_udp(p);
	else
		return END(p, not_ours);
	return NEXT;
}
