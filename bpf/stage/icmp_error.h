/* ICMP errors about packets that a VIP sent go to the backend that sent them, as the kernel of that backend expects
 * them. The quote may end 8 bytes into the transport header (RFC 792). Every other ICMP message is the stack's. */
#pragma once
#include "kit/csum.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/flow.h"
#include "stage/forward.h"
#include "stage/icmp.h"
#include "stage/pick.h"
#include "stage/service.h"

#define ICMP_FRAGMENT_OFFSET 0x1fff

/* What every router quotes of TCP or UDP. */
struct icmp_ports {
	__be16 source, dest;
	__be16 udp_len;
	__u16 udp_check;
};

/* Where things stand in a message. */
struct icmp_quoted {
	struct icmp_header *icmp;
	struct iphdr *ip; /* of the packet it is about, or: */
	struct ipv6hdr *ip6;
	struct icmp_ports *l4;
};

INLINE bool icmp_is_error(const struct pkt *p, __u8 type)
{
	if (p->ip6)
		return p->key.proto == IPPROTO_ICMPV6 && type >= 1 && type <= 4;
	return p->key.proto == IPPROTO_ICMP &&
	       (type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_BAD_PARAMETER);
}

/* The quoted IP header: makes p->key the tuple of the flow's packets towards the VIP, but for the ports. Bytes that the
 * header has; 0: none of ours, not TCP or UDP, or a later fragment, which has no ports. */
INLINE __u32 icmp_quoted_ip4(struct pkt *p, struct icmp_quoted *q)
{
	struct iphdr *ip = pkt_peek(p, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl * 4 < sizeof(*ip) || ip->frag_off & bpf_htons(ICMP_FRAGMENT_OFFSET) ||
	    ip->saddr != p->key.dst.w[3])
		return 0;
	p->key.src.w[3] = ip->daddr;
	p->key.proto = ip->protocol;
	q->ip = ip;
	return ip->ihl * 4;
}

INLINE __u32 icmp_quoted_ip6(struct pkt *p, struct icmp_quoted *q)
{
	struct ipv6hdr *ip = pkt_peek(p, sizeof(*ip));
	struct lb_addr from;

	if (!ip || ip->version != 6)
		return 0;
	__builtin_memcpy(&from, &ip->saddr, sizeof(from));
	if (flow_addr_diff(&from, &p->key.dst))
		return 0;
	__builtin_memcpy(&p->key.src, &ip->daddr, sizeof(p->key.src));
	p->key.proto = ip->nexthdr;
	q->ip6 = ip;
	return sizeof(*ip);
}

INLINE bool icmp_read(struct pkt *p, struct icmp_quoted *q)
{
	__u32 hlen;

	q->icmp = pkt_peek(p, sizeof(*q->icmp));
	if (!q->icmp || !icmp_is_error(p, q->icmp->type))
		return false;
	pkt_skip(p, sizeof(*q->icmp));
	hlen = p->ip6 ? icmp_quoted_ip6(p, q) : icmp_quoted_ip4(p, q);
	if (!hlen || (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP))
		return false;
	pkt_skip(p, hlen);
	q->l4 = pkt_peek(p, sizeof(*q->l4));
	if (!q->l4 || sizeof(*q->icmp) + hlen + sizeof(*q->l4) > p->l4_len)
		return false;
	p->key.sport = q->l4->dest;
	p->key.dport = q->l4->source;
	return true;
}

/* The backend that a connection without an entry has. */
INLINE __u32 icmp_row(const struct pkt *p)
{
	struct scratch *s = scratch_get();
	struct lb_flow *f;

	if (!(p->rules & LB_RULE_AFFINITY) || !s)
		return row_pick(p->service, hash_tuple(&p->key), ROW_CONTINUES, 0);
	affinity_key(p, &s->who);
	f = flow_find(&s->who);
	return f ? f->backend : row_pick(p->service, hash_tuple(&s->who), ROW_CONTINUES, 0);
}

/* By the flow, else by its row where that says as much. */
INLINE enum verdict icmp_owner(struct pkt *p)
{
	__u32 id;

	p->flow = flow_find(&p->key);
	if (p->flow) {
		p->backend = p->flow->backend;
		p->to = flow_backend(p->flow);
		return p->to ? NEXT : END(p, icmp_unowned);
	}
	id = icmp_row(p);
	p->to = row_backend(id);
	if (!p->to || !LB_MODE_DIRECT(p->to->mode))
		return END(p, icmp_unowned);
	p->backend = id;
	return NEXT;
}

/* Ports, and UDP's checksum, which covers them and the addresses. What that changes in a sum over the quote. TCP's lies
 * where few quotes reach, and nobody looks at it. */
INLINE __u64 icmp_rewrite_ports(struct icmp_ports *l4, const struct lb_flow *f, const struct lb_backend *b, __u64 addrs)
{
	__be16 port = flow_server_port(f, b);
	__u64 sum = csum_swap16(csum_swap16(0, l4->source, port), l4->dest, f->snat_port);
	__u16 was = l4->udp_check;

	l4->source = port;
	l4->dest = f->snat_port;
	if (f->proto != IPPROTO_UDP || !was)
		return sum;
	l4->udp_check = csum_update(was, addrs + sum) ?: 0xffff;
	return csum_swap16(sum, was, l4->udp_check);
}

/* The quoted packet becomes what the backend sent. Its header's sum stays what it was, since its check field makes up
 * for the addresses; so only what follows it changes the message's. snat: the backend knows nobody but us, so the
 * message comes from us as well. */
INLINE void icmp_rewrite4(struct iphdr *ip, struct icmp_quoted *q, const struct lb_flow *f, const struct lb_backend *b,
			  const struct lb_addr *source)
{
	__be32 from = b->mode == LB_MODE_SNAT ? source->w[3] : ip->saddr;
	__u64 sum = csum_swap32(csum_swap32(0, q->ip->saddr, b->addr.w[3]), q->ip->daddr, source->w[3]);

	q->ip->check = csum_update(q->ip->check, sum);
	q->ip->saddr = b->addr.w[3];
	q->ip->daddr = source->w[3];
	q->icmp->check = csum_update(q->icmp->check, icmp_rewrite_ports(q->l4, f, b, sum));
	sum = csum_swap32(csum_swap32(0, ip->saddr, from), ip->daddr, b->addr.w[3]);
	ip->saddr = from;
	ip->daddr = b->addr.w[3];
	ip->ttl--;
	ip->check = csum_update(ip->check, csum_swap16(sum, bpf_htons(0x0100), 0));
}

/* Puts the address there. What that changes in a sum. */
INLINE __u64 icmp_swap_addr6(struct in6_addr *at, const struct lb_addr *to)
{
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		sum = csum_swap32(sum, at->in6_u.u6_addr32[i], to->w[i]);
		at->in6_u.u6_addr32[i] = to->w[i];
	}
	return sum;
}

/* IPv6 headers have no sum of their own, and the message's covers its addresses as well (RFC 4443 §2.3). */
INLINE void icmp_rewrite6(struct ipv6hdr *ip, struct icmp_quoted *q, const struct lb_flow *f,
			  const struct lb_backend *b, const struct lb_addr *source)
{
	__u64 sum = icmp_swap_addr6(&q->ip6->saddr, &b->addr) + icmp_swap_addr6(&q->ip6->daddr, source);

	sum += icmp_rewrite_ports(q->l4, f, b, sum);
	sum += icmp_swap_addr6(&ip->daddr, &b->addr);
	if (b->mode == LB_MODE_SNAT)
		sum += icmp_swap_addr6(&ip->saddr, source);
	ip->hop_limit--;
	q->icmp->check = csum_update(q->icmp->check, sum);
}

/* A sub-program, to keep the stack small. */
static __attribute__((noinline)) bool icmp_rewrite(struct pkt *p, struct icmp_quoted *q)
{
	const struct lb_flow *f = p->flow;
	const struct lb_backend *b = p->to;
	const struct lb_addr *source = f ? flow_source(f, b) : NULL;

	if (!source)
		return false;
	if (p->ip && q->ip)
		icmp_rewrite4(p->ip, q, f, b, source);
	else if (p->ip6 && q->ip6)
		icmp_rewrite6(p->ip6, q, f, b, source);
	return true;
}

/* No answer to a message that does not fit: errors are not answered with errors (RFC 1122 §3.2.2). */
INLINE enum verdict icmp_error(struct pkt *p)
{
	struct icmp_quoted q = {};
	const struct lb_backend *b;

	if (!icmp_read(p, &q) || !service_find(p))
		return END(p, not_ours);
	TRY(icmp_owner(p));
	b = p->to;
	if (p->ip_len + encap_room(b) > b->mtu)
		return END(p, too_big);
	TRY(forward_allow(p, b));
	if (LB_MODE_DIRECT(b->mode))
		return forward_whole(p, b) ? END(p, icmp_forwarded) : END(p, no_headroom);
	if (!icmp_rewrite(p, &q))
		return END(p, icmp_unowned);
	return forward_leave(p, b) ? END(p, icmp_forwarded) : END(p, no_headroom);
}

INLINE bool icmp_is_meant(const struct pkt *p)
{
	return service_is_vip(p) && !p->suspect && (p->key.proto == IPPROTO_ICMP || p->key.proto == IPPROTO_ICMPV6);
}
