/* Ethernet with up to two VLAN tags, IPv4 and IPv6. Whatever cannot be trusted is marked suspect, not dropped: only a
 * later stage knows whether it is ours. */
#pragma once
#include <linux/in.h>
#include "kit/pkt.h"

#define IP_FRAGMENT_BITS 0x3fff /* more-fragments and offset */
#define IP6_FRAGMENT_BITS \
	0xfff9 /* offset and more-fragments (RFC 8200 §4.5); none set: the packet is whole (RFC 6946) */
#define IP6_EXTENSIONS 6
#define IP6_EXT_BYTES  256
#define MAPPED_PREFIX  bpf_htonl(0xffff)

/* RFC 8200 §4; linux/in6.h would bring libc's headers along. */
#define NEXT_HOP_BY_HOP	 0
#define NEXT_ROUTING	 43
#define NEXT_FRAGMENT	 44
#define NEXT_DESTINATION 60

/* The rest of an Ethernet header behind a tag's TPID (IEEE 802.1Q §9.6). */
struct vlan_rest {
	__be16 tci;
	__be16 next;
};

/* The first bytes of any extension header the walk steps over. */
struct ip6_ext {
	__u8 next;
	__u8 len;      /* in 8 bytes, without the first 8; reserved in a fragment header */
	__be16 fields; /* fragment offset and flags; a routing header's type and segments left */
	__u32 more;
};

INLINE void addr_map4(struct lb_addr *a, __be32 v4)
{
	a->w[0] = 0;
	a->w[1] = 0;
	a->w[2] = MAPPED_PREFIX;
	a->w[3] = v4;
}

INLINE bool addr_is_mapped(const struct lb_addr *a)
{
	return a->w[2] == MAPPED_PREFIX && !(a->w[0] | a->w[1]);
}

INLINE bool eth_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

struct tags {
	struct lb_vlan vlan[LB_VLANS];
	__be16 type; /* of what follows */
	__be16 pad;
};

/* Reads up to two tags; returns how many, 0 for more than that. A global function, verified once. */
__attribute__((noinline)) int parse_tags(struct xdp_md *ctx, struct tags *ret)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct vlan_rest *v = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;

	if (!ret || (void *)(v + 1) > end)
		return 0;
	ret->vlan[0] = (struct lb_vlan){ .tpid = eth->h_proto, .tci = v->tci };
	ret->type = v->next;
	if (!eth_is_vlan(v->next))
		return 1;
	if ((void *)(v + 2) > end)
		return 0;
	ret->vlan[1] = (struct lb_vlan){ .tpid = v->next, .tci = v[1].tci };
	ret->type = v[1].next;
	return eth_is_vlan(v[1].next) ? 0 : 2;
}

/* Leaves the type of what follows in ret_proto. */
INLINE enum verdict parse_eth(struct pkt *p, __be16 *ret_proto)
{
	struct tags t = {};
	__u32 tags = 0;

	p->eth = pkt_peek(p, sizeof(*p->eth));
	if (!p->eth)
		return END(p, malformed);
	*ret_proto = p->eth->h_proto;
	if (eth_is_vlan(*ret_proto)) {
		tags = parse_tags(p->ctx, &t);
		if (!tags)
			return END(p, vlan);
		*ret_proto = t.type;
		p->vlan[0] = t.vlan[0];
		p->vlan[1] = t.vlan[1];
	}
	pkt_skip(p, unsure(sizeof(*p->eth) + tags * sizeof(struct lb_vlan), 0x1f));
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
	if (ip->version != 4 || hlen < sizeof(*ip) || total < hlen || !pkt_has_whole(p, total))
		p->suspect = LB_R_bad_header;
	else if (ip->frag_off & bpf_htons(IP_FRAGMENT_BITS))
		p->suspect = LB_R_fragment;
	if (p->suspect != LB_R_bad_header)
		pkt_skip(p, hlen);
	p->ip_len = total;
	p->l4_len = total - hlen;
	return NEXT;
}

/* What the walk over extension headers found, in the one number that a global function may return. */
#define EXT_FOUND(kind, bytes) ((kind) << 16 | (bytes))
#define EXT_SUSPECT(reason)    ((reason) << 24)

INLINE bool ip6_is_extension(__u32 kind)
{
	return kind == NEXT_HOP_BY_HOP || kind == NEXT_ROUTING || kind == NEXT_FRAGMENT || kind == NEXT_DESTINATION;
}

/* Why the packet is suspect with this extension header; 0: it is not. */
INLINE __u32 ip6_ext_suspect(const struct ip6_ext *e, __u32 kind)
{
	if (kind == NEXT_FRAGMENT && e->fields & bpf_htons(IP6_FRAGMENT_BITS))
		return LB_R_fragment;
	/* Segments left: the address in the header is not where the packet goes (RFC 8200 §4.4). */
	if (kind == NEXT_ROUTING && e->fields & bpf_htons(0x00ff))
		return LB_R_bad_header;
	return 0;
}

/* Walks over extension headers, few and short ones: `kind` is the first, `at` its place in the frame, `room` what the
 * IP header says is there. A global function is verified once; as part of its caller, each way through the loop would
 * be another path for all that follows. */
__attribute__((noinline)) int parse_extensions(struct xdp_md *ctx, __u32 at, __u32 kind, __u32 room)
{
	__u32 walked = 0, suspect;
	struct ip6_ext e;

	for (__u32 i = 0; i < IP6_EXTENSIONS && ip6_is_extension(kind); i++) {
		if (bpf_xdp_load_bytes(ctx, at + walked, &e, sizeof(e)) < 0)
			return EXT_SUSPECT(LB_R_truncated);
		suspect = ip6_ext_suspect(&e, kind);
		if (suspect)
			return EXT_SUSPECT(suspect) | EXT_FOUND(kind, walked);
		walked += kind == NEXT_FRAGMENT ? sizeof(e) : (e.len + 1) * 8;
		if (walked > IP6_EXT_BYTES || walked > room)
			return EXT_SUSPECT(LB_R_bad_header);
		kind = e.next;
	}
	return ip6_is_extension(kind) ? EXT_SUSPECT(LB_R_bad_header) : EXT_FOUND(kind, walked);
}

INLINE void skip_extensions(struct pkt *p)
{
	__u32 at = p->pos - (void *)(long)p->ctx->data;
	__u32 found = parse_extensions(p->ctx, at, p->key.proto, p->l4_len);

	p->suspect = found >> 24;
	p->key.proto = found >> 16;
	p->l4_len -= found & 0xffff;
	pkt_skip(p, found);
}

/* The same for IPv6. An IPv4-mapped address does not belong on a wire (RFC 4291 §2.5.5.2) and would be mistaken for the
 * IPv4 one. */
INLINE enum verdict parse_ipv6(struct pkt *p)
{
	struct ipv6hdr *ip = pkt_peek(p, sizeof(*ip));
	__u32 payload;

	if (!ip)
		return END(p, malformed);
	p->ip6 = ip;
	payload = bpf_ntohs(ip->payload_len);
	__builtin_memcpy(&p->key.src, &ip->saddr, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, &ip->daddr, sizeof(p->key.dst));
	p->key.proto = ip->nexthdr;
	if (addr_is_mapped(&p->key.src) || addr_is_mapped(&p->key.dst))
		return END(p, malformed);
	p->ip_len = sizeof(*ip) + payload;
	p->l4_len = payload;
	if (ip->version != 6 || !pkt_has_whole(p, p->ip_len)) {
		p->suspect = LB_R_bad_header;
		return NEXT;
	}
	pkt_skip(p, unsure(sizeof(*ip), 0x3f));
	if (ip6_is_extension(p->key.proto))
		skip_extensions(p);
	return NEXT;
}

INLINE enum verdict parse_l3(struct pkt *p)
{
	__be16 proto;

	TRY(parse_eth(p, &proto));
	if (proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(p);
	if (proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p);
	return END(p, not_ip);
}
