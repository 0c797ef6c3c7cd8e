/* On a backend's interface: takes the outer headers of IPIP (RFC 2003) and GUE (variants 0 and 1, IPv4 inside) off
 * packets for addresses the host was given (`local_vips`), and hands what is inside to the stack, which answers the
 * client itself. No address: nothing is opened. Whoever can send to this host can put any source inside, as with every
 * tunnel of this kind; only addresses that are there to be served can be reached that way. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
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
	struct iphdr *outer, *inner;
	__u32 room; /* from outer to inner */
	__u32 how;  /* LB_DECAP_ipip or _gue */
};

INLINE void *peek(void *pos, void *end, __u32 n)
{
	return pos + n > end ? NULL : pos;
}

/* GUE, draft-ietf-intarea-gue-09 §3: variant 0 has a header of its own, with optional fields; variant 1 is the inner
 * header. Bytes from the UDP payload to the inner packet, or -1: not IPv4, or a control message. */
INLINE int gue_header(const __u8 *g)
{
	if (g[0] >> 6 == 1)
		return 0;
	if (g[0] >> 5 || g[1] != IPPROTO_IPIP)
		return -1;
	return 4 + (g[0] & 31) * 4;
}

INLINE int find_gue(struct tunnel *t, void *end)
{
	struct udphdr *udp = peek((void *)t->outer + t->room, end, sizeof(*udp) + 4);
	int skip;

	if (!udp || udp->dest != bpf_htons(LB_GUE_PORT))
		return LB_DECAP_other;
	skip = gue_header((const __u8 *)(udp + 1));
	if (skip < 0)
		return LB_DECAP_other;
	t->room += sizeof(*udp) + skip;
	return LB_DECAP_gue;
}

/* The inner packet must lie within the outer one: what follows that is padding. */
INLINE bool inner_fits(const struct tunnel *t)
{
	__u32 total = bpf_ntohs(t->inner->tot_len), hlen = t->inner->ihl * 4;

	return t->inner->version == 4 && hlen >= sizeof(struct iphdr) && total >= hlen &&
	       t->room + total <= bpf_ntohs(t->outer->tot_len);
}

INLINE int find_inner(struct tunnel *t, void *end)
{
	__u32 hlen = t->outer->ihl * 4, room;
	int how = LB_DECAP_ipip;

	if (t->outer->version != 4 || hlen < sizeof(*t->outer) || t->outer->frag_off & bpf_htons(FRAGMENT_BITS))
		return LB_DECAP_other;
	t->room = hlen;
	if (t->outer->protocol == IPPROTO_UDP)
		how = find_gue(t, end);
	else if (t->outer->protocol != IPPROTO_IPIP)
		return LB_DECAP_other;
	if (how == LB_DECAP_other)
		return how;
	room = t->room & 0xff; /* 60 + 8 + 128 at most */
	OPAQUE(room);
	t->inner = peek((void *)t->outer + room, end, sizeof(*t->inner));
	return t->inner && inner_fits(t) ? how : LB_DECAP_malformed;
}

INLINE bool is_local(__be32 v4)
{
	struct lb_addr a = { .w = { 0, 0, bpf_htonl(0xffff), v4 } };

	return bpf_map_lookup_elem(&local_vips, &a);
}

/* RFC 6040 §4.2: congestion met by the outer packet is passed on to a sender that understands it; for another one the
 * packet is lost. The TOS is the low byte of its checksum word. */
INLINE bool carry_ecn(const struct iphdr *outer, struct iphdr *inner)
{
	__u8 was = inner->tos;

	if ((outer->tos & ECN_MASK) != ECN_CE)
		return true;
	if (!(was & ECN_MASK))
		return false;
	inner->tos = was | ECN_CE;
	inner->check = csum_update(inner->check, csum_swap16(0, bpf_htons(was), bpf_htons(inner->tos)));
	return true;
}

/* The Ethernet header moves up to the inner packet, and the tail is cut to it; a frame that ends before is refused. */
INLINE int strip(struct xdp_md *ctx, const struct tunnel *t, void *end)
{
	__u32 macs[3], room = t->room, want = bpf_ntohs(t->inner->tot_len);
	struct ethhdr *eth = (void *)t->outer - sizeof(*eth);
	__s64 extra = end - (void *)t->outer;

	OPAQUE(extra); /* else clang counts from the pointer, and 6.1 refuses to add `want`, of which it knows no bounds
			*/
	extra -= room + want;
	if (extra < 0)
		return LB_DECAP_malformed;
	copy_macs(macs, eth);
	if (bpf_xdp_adjust_head(ctx, room) || bpf_xdp_adjust_tail(ctx, -extra))
		return LB_DECAP_malformed;
	eth = peek((void *)(long)ctx->data, (void *)(long)ctx->data_end, sizeof(*eth));
	if (!eth)
		return LB_DECAP_malformed;
	copy_macs(eth, macs);
	eth->h_proto = bpf_htons(ETH_P_IP);
	return t->how;
}

INLINE int decap(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = peek((void *)(long)ctx->data, end, sizeof(*eth) + sizeof(struct iphdr));
	struct tunnel t = {};

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return LB_DECAP_other;
	t.outer = (void *)(eth + 1);
	t.how = find_inner(&t, end);
	if (t.how != LB_DECAP_ipip && t.how != LB_DECAP_gue)
		return t.how;
	if (!is_local(t.inner->daddr))
		return LB_DECAP_foreign;
	if (!carry_ecn(t.outer, t.inner))
		return LB_DECAP_congested;
	return strip(ctx, &t, end);
}

SEC("xdp")
int sluice_decap(struct xdp_md *ctx)
{
	__u32 how = decap(ctx);
	__u64 *n = bpf_map_lookup_elem(&decap_counts, &how);

	if (n)
		++*n;
	return how == LB_DECAP_malformed || how == LB_DECAP_congested ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
