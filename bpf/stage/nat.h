/* Full NAT: claim a source port for a new flow, and rewrite a packet as its flow entry says (both directions alike). */
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

/* Makes the port whose reverse key is rk free if its owner is stale. */
__attribute__((noinline)) int nat_evict(const struct lb_tuple *rk, __u32 now)
{
	struct lb_flow *rev, *fwd;
	__u32 idle, idle_fwd;
	struct lb_tuple fk;

	if (!rk)
		return false;
	rev = table_find(rk);
	if (!rev)
		return true;
	flow_mirror_key(&fk, rev, rk->proto);
	fwd = table_find(&fk);
	if (fwd && flow_paired(fwd, rk)) {
		idle = flow_idle(rev, now);
		idle_fwd = flow_idle(fwd, now);
		if ((idle < idle_fwd ? idle : idle_fwd) < flow_patience(fwd, rev, rk->proto))
			return false;
		table_remove(&fk);
	}
	/* Of two CPUs here at once only one deletes the key; the other's insert below fails on it or on the new owner.
	 */
	return table_remove(rk);
}

/* Inserts the reverse entry under the first port that can be had, which completes rk. First a free one near the hash,
 * then one of a flow that is over: taking a closed connection's port at once could meet its TIME-WAIT. */
INLINE bool nat_claim(struct lb_tuple *rk, const struct lb_flow *rev, __u32 now, __u32 hash)
{
	for (__u32 i = 0; i < 2 * NAT_TRIES; i++) {
		rk->dport = nat_port(hash, i % NAT_TRIES);
		if (i < NAT_TRIES ? !!table_find(rk) : !nat_evict(rk, now))
			continue;
		if (table_put(rk, rev, true))
			return true;
	}
	return false;
}

INLINE void nat_rewrite_l4(struct pkt *p, const struct lb_flow *f, __u64 sum)
{
	sum = csum_swap16(sum, p->key.sport, f->sport);
	sum = csum_swap16(sum, p->key.dport, f->dport);
	if (p->tcp) {
		p->tcp->source = f->sport;
		p->tcp->dest = f->dport;
		p->tcp->check = csum_update(p->tcp->check, sum);
	} else if (p->udp) {
		p->udp->source = f->sport;
		p->udp->dest = f->dport;
		/* Zero means "no checksum" (RFC 768) and stays so; a sum that comes out zero is sent as all ones. */
		if (p->udp->check)
			p->udp->check = csum_update(p->udp->check, sum) ?: 0xffff;
	}
}

/* Addresses, ports, TTL and both checksums. */
INLINE void nat_rewrite(struct pkt *p, const struct lb_flow *f)
{
	__u64 sum = csum_swap32(0, p->key.src.w[3], f->src.w[3]);

	sum = csum_swap32(sum, p->key.dst.w[3], f->dst.w[3]);
	p->ip->saddr = f->src.w[3];
	p->ip->daddr = f->dst.w[3];
	p->ip->ttl--;
	/* The TTL is the high byte of its checksum word: one less there. */
	p->ip->check = csum_update(p->ip->check, csum_swap16(sum, bpf_htons(0x0100), 0));
	nat_rewrite_l4(p, f, sum);
}
