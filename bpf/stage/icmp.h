/* ICMP of two kinds. Messages of our own: a packet does not fit the way to its backend (RFC 1191, 8201). And errors of
 * others about packets that a VIP sent: they belong to the backend that sent them (RFC 792; a quote may end 8 bytes
 * into the transport header). Every other ICMP message is the stack's. */
#pragma once
#include "kit/csum.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/encap.h"

#define ICMP_UNREACHABLE   3
#define ICMP_FRAG_NEEDED   4 /* code */
#define ICMP_TIME_EXCEEDED 11
#define ICMP_BAD_PARAMETER 12
#define ICMP_ECHO_REQUEST  8
#define ICMP_ECHO_REPLY	   0
#define ICMP6_TOO_BIG	   2
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY   129

/* The answer has 532 of the 576 bytes that RFC 1812 §4.3.2.3 allows: bpf_csum_diff sums 512 at most. */
#define ICMP_QUOTE 504
#define ICMP_TOS   0xc0 /* internetwork control (RFC 1812 §4.3.2.5) */
#define ICMP_TTL   64

/* RFC 792, 4443. linux/icmp.h would bring libc's headers along. */
struct icmp_header {
	__u8 type, code;
	__u16 check;
	__be32 mtu; /* as in fragmentation needed (RFC 1191 §4) and packet too big */
};

#define ICMP_BODY (sizeof(struct icmp_header) + ICMP_QUOTE)

/* A message's worth of this CPU's budget, if it has that much. */
INLINE bool icmp_pay(__u32 now)
{
	__u32 zero = 0, waited;
	struct lb_icmp_budget *c = bpf_map_lookup_elem(&icmp_budget, &zero);

	if (!c)
		return false;
	waited = now - c->then;
	if (waited > knob_jiffies_second)
		waited = knob_jiffies_second;
	c->then = now;
	c->credit += waited * LB_ICMP_PER_SECOND;
	if (c->credit > knob_jiffies_second * LB_ICMP_PER_SECOND)
		c->credit = knob_jiffies_second * LB_ICMP_PER_SECOND;
	if (c->credit < knob_jiffies_second)
		return false;
	c->credit -= knob_jiffies_second;
	return true;
}

/* What of the packet its answer is made from, before the head moves. */
struct icmp_about {
	struct lb_addr from, to;
	struct lb_vlan vlan[LB_VLANS];
	__u8 macs[2 * ETH_ALEN];
	__u32 len; /* of the frame */
	__u32 mtu;
	__u8 six;
	__u8 pad[3];
};

INLINE void icmp_look(const struct pkt *p, struct icmp_about *a, __u32 mtu)
{
	a->from = p->key.dst;
	a->to = p->key.src;
	a->vlan[0] = p->vlan[0];
	a->vlan[1] = p->vlan[1];
	a->len = bpf_xdp_get_buff_len(p->ctx);
	a->mtu = mtu;
	a->six = !!p->ip6;
	__builtin_memcpy(a->macs, p->eth->h_source, ETH_ALEN);
	__builtin_memcpy(a->macs + ETH_ALEN, p->eth->h_dest, ETH_ALEN);
}

INLINE void icmp_fill4(struct iphdr *ip, struct icmp_header *icmp, const struct icmp_about *a)
{
	*icmp = (struct icmp_header){ .type = ICMP_UNREACHABLE, .code = ICMP_FRAG_NEEDED, .mtu = bpf_htonl(a->mtu) };
	icmp->check = ~csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)icmp, ICMP_BODY, 0));
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = ICMP_TOS,
		.tot_len = bpf_htons(sizeof(*ip) + ICMP_BODY),
		.frag_off = bpf_htons(OUTER_DF),
		.ttl = ICMP_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = a->from.w[3],
		.daddr = a->to.w[3],
	};
	ip->check = outer_csum(ip);
}

/* The checksum covers a pseudo-header (RFC 8200 §8.1). */
INLINE void icmp_fill6(struct ipv6hdr *ip, struct icmp_header *icmp, const struct icmp_about *a)
{
	__u64 sum = bpf_htonl(ICMP_BODY) + (__u64)bpf_htonl(IPPROTO_ICMPV6);

#pragma unroll
	for (__u32 i = 0; i < 4; i++)
		sum += (__u64)a->from.w[i] + a->to.w[i];
	*icmp = (struct icmp_header){ .type = ICMP6_TOO_BIG, .mtu = bpf_htonl(a->mtu) };
	icmp->check = ~csum_fold(sum + (__u32)bpf_csum_diff(NULL, 0, (__be32 *)icmp, ICMP_BODY, 0));
	*(__be32 *)ip = bpf_htonl(6u << 28 | ICMP_TOS << 20);
	ip->payload_len = bpf_htons(ICMP_BODY);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = ICMP_TTL;
	__builtin_memcpy(&ip->saddr, &a->from, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &a->to, sizeof(ip->daddr));
}

/* Makes the frame one of the answer's length, tags and all, that ends with the packet's beginning. Where the answer's
 * IP header begins, or NULL. six is a constant. */
INLINE void *icmp_make_room(struct xdp_md *ctx, const struct icmp_about *a, bool six)
{
	__u32 room = sizeof(struct icmp_header) + (six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u32 l2 = (sizeof(struct ethhdr) + l2_tag_bytes(a->vlan)) & 31;
	int shorter = (int)a->len - (int)(l2 + ICMP_QUOTE);
	void *at;

	if (shorter < 0 || bpf_xdp_adjust_tail(ctx, -shorter))
		return NULL;
	at = l2_move(ctx, -(int)room, sizeof(struct ethhdr) + sizeof(a->vlan));
	if (!at)
		return NULL;
	copy_macs(at, a->macs);
	l2_put_type(at + 2 * ETH_ALEN, a->vlan, six ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP));
	OPAQUE(l2);
	at += l2;
	return at + room + ICMP_QUOTE > (void *)(long)ctx->data_end ? NULL : at;
}

/* A global function, as l2_retag is. */
__attribute__((noinline)) int icmp_answer(struct xdp_md *ctx, const struct icmp_about *a)
{
	void *at;

	if (!a)
		return 0;
	if (a->six) {
		at = icmp_make_room(ctx, a, true);
		if (at)
			icmp_fill6(at, at + sizeof(struct ipv6hdr), a);
	} else {
		at = icmp_make_room(ctx, a, false);
		if (at)
			icmp_fill4(at, at + sizeof(struct iphdr), a);
	}
	return at != NULL;
}

/* Out of the interface it came in by. Not simply XDP_TX: a veth loses those frames when its other end has no program.
 */
INLINE void icmp_turn_back(struct pkt *p)
{
	p->action = bpf_redirect_map(&devices, p->ctx->ingress_ifindex, XDP_TX);
}

/* The packet has more than mtu bytes, without what its mode adds. Its sender is told, with IPv4 only when it forbade
 * fragments (DF); we do not fragment either way. The answer comes from the VIP: what address of ours the client could
 * see is not known here. */
static __attribute__((noinline)) enum verdict icmp_too_big(struct pkt *p, __u32 mtu)
{
	struct icmp_about a;

	if (p->ip && !(p->ip->frag_off & bpf_htons(OUTER_DF)))
		return END(p, too_big);
	icmp_look(p, &a, mtu);
	if (!icmp_pay((__u32)bpf_jiffies64()) || !icmp_answer(p->ctx, &a))
		return END(p, too_big);
	p->service = p->backend = LB_ID_NONE; /* no traffic of theirs */
	icmp_turn_back(p);
	return END(p, too_big_told);
}
