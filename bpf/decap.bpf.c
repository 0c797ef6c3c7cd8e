/* On a backend's interface: takes the outer headers of IPIP (RFC 2003, 2473, 4213) and GUE (variants 0 and 1), of
 * either family around either, off packets for addresses the host was given (`local_vips`), and hands what is inside to
 * the stack, which answers the client itself. No address: nothing is opened. Whoever can send to this host can put any
 * source inside, as with every tunnel of this kind; only addresses that are there to be served can be reached that way.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "kit/csum.h"
#include "kit/verifier.h"
#include "lb/addr.h"
#include "lb/backend.h"
#include "lb/decap.h"

#define FRAGMENT_BITS 0x3fff
#define ECN_MASK      3
#define ECN_CE	      3

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lb_addr);
	__type(value, __u32);
} local_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_DECAP_N);
	__type(key, __u32);
	__type(value, __u64);
} decap_counts SEC(".maps");

/* What parsing found. */
struct tunnel {
	void *outer, *inner;
	struct lb_addr to; /* of the inner packet */
	__u32 outer_len;   /* as its header says, that included */
	__u32 inner_len;
	__u32 room;   /* from outer to inner */
	__u32 how;    /* LB_DECAP_ipip or _gue */
	__u8 tos;     /* of the outer one */
	bool six;     /* the outer one is IPv6 */
	bool holds_6; /* the inner one is */
	__u8 pad;
};

INLINE void *peek(void *pos, void *end, __u32 n)
{
	return pos + n > end ? NULL : pos;
}

/* GUE, draft-ietf-intarea-gue-09 §3: variant 0 has a header of its own, with optional fields; variant 1 is the inner
 * header, and its first bits are those of IP's version. Bytes from the UDP payload to the inner packet, or -1: neither
 * IPv4 nor IPv6, or a control message. */
INLINE int gue_header(const __u8 *g, bool *ret_six)
{
	if (g[0] >> 6 == 1) {
		*ret_six = g[0] >> 5 & 1;
		return 0;
	}
	*ret_six = g[1] == IPPROTO_IPV6;
	if (g[0] >> 5 || (g[1] != IPPROTO_IPIP && g[1] != IPPROTO_IPV6))
		return -1;
	return 4 + (g[0] & 31) * 4;
}

INLINE int find_gue(struct tunnel *t, void *end)
{
	struct udphdr *udp = peek(t->outer + t->room, end, sizeof(*udp) + 4);
	int skip;

	if (!udp || udp->dest != bpf_htons(LB_GUE_PORT))
		return LB_DECAP_other;
	skip = gue_header((const __u8 *)(udp + 1), &t->holds_6);
	if (skip < 0)
		return LB_DECAP_other;
	t->room += sizeof(*udp) + skip;
	return LB_DECAP_gue;
}

INLINE bool read_outer4(struct tunnel *t, void *end, __u8 *ret_proto)
{
	struct iphdr *ip = peek(t->outer, end, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl * 4 < sizeof(*ip) || ip->frag_off & bpf_htons(FRAGMENT_BITS))
		return false;
	t->room = ip->ihl * 4;
	t->outer_len = bpf_ntohs(ip->tot_len);
	t->tos = ip->tos;
	*ret_proto = ip->protocol;
	return true;
}

/* Without extension headers: what has some was not sent by a balancer of this kind. */
INLINE bool read_outer6(struct tunnel *t, void *end, __u8 *ret_proto)
{
	struct ipv6hdr *ip = peek(t->outer, end, sizeof(*ip));

	if (!ip || ip->version != 6)
		return false;
	t->room = sizeof(*ip);
	t->outer_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	t->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	*ret_proto = ip->nexthdr;
	return true;
}

INLINE int find_payload(struct tunnel *t, void *end)
{
	__u8 proto;

	if (!(t->six ? read_outer6(t, end, &proto) : read_outer4(t, end, &proto)))
		return LB_DECAP_other;
	if (proto == IPPROTO_UDP)
		return find_gue(t, end);
	t->holds_6 = proto == IPPROTO_IPV6;
	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6 ? LB_DECAP_ipip : LB_DECAP_other;
}

INLINE bool read_inner4(struct tunnel *t, void *end)
{
	struct iphdr *ip = peek(t->inner, end, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl * 4 < sizeof(*ip) || bpf_ntohs(ip->tot_len) < ip->ihl * 4)
		return false;
	t->inner_len = bpf_ntohs(ip->tot_len);
	t->to = (struct lb_addr){ .w = { 0, 0, bpf_htonl(0xffff), ip->daddr } };
	return true;
}

INLINE bool read_inner6(struct tunnel *t, void *end)
{
	struct ipv6hdr *ip = peek(t->inner, end, sizeof(*ip));

	if (!ip || ip->version != 6)
		return false;
	t->inner_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	__builtin_memcpy(&t->to, &ip->daddr, sizeof(t->to));
	return true;
}

/* The inner packet must lie within the outer one: what follows that is padding. */
INLINE int find_inner(struct tunnel *t, void *end)
{
	int how = find_payload(t, end);
	__u32 room;

	if (how == LB_DECAP_other)
		return how;
	room = t->room & 0xff; /* 60 + 8 + 128 at most */
	OPAQUE(room);
	t->inner = t->outer + room;
	if (!(t->holds_6 ? read_inner6(t, end) : read_inner4(t, end)))
		return LB_DECAP_malformed;
	return t->room + t->inner_len <= t->outer_len ? how : LB_DECAP_malformed;
}

/* The TOS is the low byte of its checksum word. */
INLINE void mark4(struct iphdr *ip)
{
	__u8 was = ip->tos;

	ip->tos = was | ECN_CE;
	ip->check = csum_update(ip->check, csum_swap16(0, bpf_htons(was), bpf_htons(ip->tos)));
}

/* RFC 6040 §4.2: congestion met by the outer packet is passed on to a sender that understands it; for another one the
 * packet is lost. */
INLINE bool carry_ecn(const struct tunnel *t, void *end)
{
	struct iphdr *ip = peek(t->inner, end, sizeof(*ip));
	struct ipv6hdr *ip6 = peek(t->inner, end, sizeof(*ip6));

	if ((t->tos & ECN_MASK) != ECN_CE)
		return true;
	if (t->holds_6) {
		if (!ip6 || !(ip6->flow_lbl[0] >> 4 & ECN_MASK))
			return false;
		ip6->flow_lbl[0] |= ECN_CE << 4;
		return true;
	}
	if (!ip || !(ip->tos & ECN_MASK))
		return false;
	mark4(ip);
	return true;
}

/* The Ethernet header moves up to the inner packet, and the tail is cut to it; a frame that ends before is refused. */
INLINE int strip(struct xdp_md *ctx, const struct tunnel *t)
{
	__u32 macs[3], room = t->room;
	__s64 extra = (__s64)bpf_xdp_get_buff_len(ctx) - (__s64)(sizeof(struct ethhdr) + room + t->inner_len);
	struct ethhdr *eth = t->outer - sizeof(*eth);

	if (extra < 0)
		return LB_DECAP_malformed;
	copy_macs(macs, eth);
	if (bpf_xdp_adjust_head(ctx, room))
		return LB_DECAP_malformed;
	if (extra > 0 && bpf_xdp_adjust_tail(ctx, -extra)) /* 0 is "longer", which frames of several buffers refuse */
		return LB_DECAP_malformed;
	eth = peek((void *)(long)ctx->data, (void *)(long)ctx->data_end, sizeof(*eth));
	if (!eth)
		return LB_DECAP_malformed;
	copy_macs(eth, macs);
	eth->h_proto = t->holds_6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return t->how;
}

INLINE int decap(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = peek((void *)(long)ctx->data, end, sizeof(*eth));
	struct tunnel t = {};

	if (!eth || (eth->h_proto != bpf_htons(ETH_P_IP) && eth->h_proto != bpf_htons(ETH_P_IPV6)))
		return LB_DECAP_other;
	t.six = eth->h_proto == bpf_htons(ETH_P_IPV6);
	t.outer = eth + 1;
	t.how = find_inner(&t, end);
	if (t.how != LB_DECAP_ipip && t.how != LB_DECAP_gue)
		return t.how;
	if (!bpf_map_lookup_elem(&local_vips, &t.to))
		return LB_DECAP_foreign;
	if (!carry_ecn(&t, end))
		return LB_DECAP_congested;
	return strip(ctx, &t);
}

SEC("xdp.frags")
int sluice_decap(struct xdp_md *ctx)
{
	__u32 how = decap(ctx);
	__u64 *n = bpf_map_lookup_elem(&decap_counts, &how);

	if (n)
		++*n;
	return how == LB_DECAP_malformed || how == LB_DECAP_congested ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
