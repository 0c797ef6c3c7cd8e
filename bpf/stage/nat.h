/* Address translation: claim the reverse key of a new flow, and rewrite packets in both directions. */
#pragma once
#include "kit/csum.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "kit/table.h"
#include "stage/flow.h"

#define NAT_TRIES 16

INLINE __be16 nat_port(__u32 hash, __u32 i)
{
	__u32 span = knob_snat_port_hi - knob_snat_port_lo + 1;

	return bpf_htons(knob_snat_port_lo + (hash + i) % span);
}

/* May the flow of the reverse entry s->dead no longer keep its port? Then its forward entry is removed. */
INLINE bool nat_stale(struct scratch *s, const struct lb_backend *b, __u32 now)
{
	const struct lb_flow *rev = &s->dead;
	struct lb_flow *fwd = flow_mirror(&s->mirror, rev, b);
	__u32 idle, idle_fwd;

	if (!fwd)
		return true;
	idle = flow_idle(rev, now);
	idle_fwd = flow_idle(fwd, now);
	if ((idle < idle_fwd ? idle : idle_fwd) < flow_patience(fwd, rev))
		return false;
	table_remove(&s->mirror, rev);
	return true;
}

/* Makes the port whose reverse key is rk free if its owner is stale. */
__attribute__((noinline)) int nat_evict(const struct lb_tuple *rk, __u32 now)
{
	struct scratch *s = scratch_get();
	struct lb_backend *b;
	struct lb_flow *rev;

	if (!rk || !s)
		return false;
	rev = table_at(rk);
	if (!rev)
		return true;
	s->dead = *rev;
	b = flow_backend(&s->dead);
	if (b && flow_is(&s->dead, rk, b) && !nat_stale(s, b, now))
		return false;
	/* Of two CPUs here at once only one deletes the key; the other's insert below fails on it or on the new owner.
	 */
	return table_remove(rk, &s->dead);
}

/* Inserts the reverse entry under the first port that can be had, which completes it and rk. First a free one near the
 * hash, then one of a flow that is over: taking a closed connection's port at once could meet its TIME-WAIT. */
__attribute__((noinline)) int nat_claim(struct lb_tuple *rk, struct lb_flow *rev, __u32 now, __u32 hash)
{
	if (!rk || !rev)
		return false;
	for (__u32 i = 0; i < 2 * NAT_TRIES; i++) {
		rk->dport = rev->snat_port = nat_port(hash, i % NAT_TRIES);
		if (i < NAT_TRIES ? !!table_at(rk) : !nat_evict(rk, now))
			continue;
		if (table_put(rk, rev, true))
			return true;
	}
	return false;
}

/* What a packet leaves as. */
struct nat_to {
	const struct lb_addr *src, *dst;
	__be16 sport, dport;
};

INLINE void nat_rewrite_l4(struct pkt *p, const struct nat_to *to, __u64 sum)
{
	sum = csum_swap16(sum, p->key.sport, to->sport);
	sum = csum_swap16(sum, p->key.dport, to->dport);
	if (p->tcp) {
		p->tcp->source = to->sport;
		p->tcp->dest = to->dport;
		p->tcp->check = csum_update(p->tcp->check, sum);
	} else if (p->udp) {
		p->udp->source = to->sport;
		p->udp->dest = to->dport;
		/* Zero means "no checksum" (RFC 768) and stays so; a sum that comes out zero is sent as all ones. */
		if (p->udp->check)
			p->udp->check = csum_update(p->udp->check, sum) ?: 0xffff;
	}
}

INLINE __u64 nat_rewrite_ip4(struct pkt *p, const struct nat_to *to)
{
	__u64 sum = csum_swap32(0, p->key.src.w[3], to->src->w[3]);

	sum = csum_swap32(sum, p->key.dst.w[3], to->dst->w[3]);
	p->ip->saddr = to->src->w[3];
	p->ip->daddr = to->dst->w[3];
	p->ip->ttl--;
	/* The TTL is the high byte of its checksum word: one less there. */
	p->ip->check = csum_update(p->ip->check, csum_swap16(sum, bpf_htons(0x0100), 0));
	return sum;
}

/* IPv6 has no checksum of its own (RFC 8200 §8.1). A sub-program: unrolled in its caller it costs 64 bytes of stack. */
static __attribute__((noinline)) __u64 nat_rewrite_ip6(struct pkt *p, const struct nat_to *to)
{
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		sum = csum_swap32(sum, p->key.src.w[i], to->src->w[i]);
		sum = csum_swap32(sum, p->key.dst.w[i], to->dst->w[i]);
		p->ip6->saddr.in6_u.u6_addr32[i] = to->src->w[i];
		p->ip6->daddr.in6_u.u6_addr32[i] = to->dst->w[i];
	}
	p->ip6->hop_limit--;
	return sum;
}

/* Addresses, ports, TTL or hop limit, and checksums. */
INLINE void nat_rewrite(struct pkt *p, const struct nat_to *to)
{
	if (p->ip)
		nat_rewrite_l4(p, to, nat_rewrite_ip4(p, to));
	else if (p->ip6)
		nat_rewrite_l4(p, to, nat_rewrite_ip6(p, to));
}

INLINE void nat_to_backend(struct pkt *p, const struct lb_flow *f, const struct lb_backend *b)
{
	struct nat_to to = {
		.src = flow_source(f, b), .dst = &b->addr, .sport = f->snat_port, .dport = flow_server_port(f, b)
	};

	if (to.src)
		nat_rewrite(p, &to);
}

INLINE void nat_to_client(struct pkt *p, const struct lb_flow *f, const struct lb_backend *b)
{
	struct nat_to to = { .src = &b->vip, .dst = &f->client, .sport = f->vport, .dport = f->port };

	nat_rewrite(p, &to);
}
