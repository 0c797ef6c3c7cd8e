/* The packet on its walk: cursor, what parsing found, what the stages decided. Bounds checks live here and nowhere
 * else. The head is moved by the forward stage only, so header pointers stay good until then. */
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lb/addr.h"
#include "lb/backend.h"
#include "lb/flow.h"
#include "lb/service.h"
#include "kit/verdict.h"
#include "kit/verifier.h"

struct pkt {
	struct xdp_md *ctx;
	void *pos; /* cursor */
	void *end;
	struct ethhdr *eth;
	struct iphdr *ip;    /* set for IPv4 */
	struct ipv6hdr *ip6; /* set for IPv6 */
	struct tcphdr *tcp;  /* set for TCP */
	struct udphdr *udp;  /* set for UDP */
	struct lb_tuple key;
	struct lb_flow *flow;  /* this packet's entry, found or just made; NULL: none */
	struct lb_backend *to; /* where it goes, or comes from; set whenever flow is, and for packets without one */
	const struct lb_address *vip; /* the destination, if it is anything to us */
	__u32 len;		      /* frame, as far as its first buffer holds it: see pkt_bytes() */
	__u32 ip_len;		      /* IP header and all behind it, without Ethernet padding */
	__u32 l4_len;		      /* of that, what begins at the transport header */
	__u32 now;		      /* low bits of jiffies; set by the flow stage */
	__u32 hash;		      /* low bits of the flow hash; set by the row stage */
	__u32 action;		      /* XDP_TX or XDP_REDIRECT, once the forward stage has decided */
	__u16 service, backend;
	__u16 where;						   /* LB_ADDRESS_* of the destination */
	struct lb_vlan vlan[LB_VLANS] __attribute__((aligned(8))); /* tags, outer first */
	__u8 l4_flags; /* LB_TCP_* in this packet; SYN means SYN without ACK */
	__u8 fresh;    /* the flow begins with this packet */
	__u8 rules;    /* LB_RULE_* of the service */
	__u8 suspect;  /* reason to drop it if it is for a VIP; 0: none (reason 0 is no fault) */
	__u8 reason;
};

INLINE void pkt_init(struct pkt *p, struct xdp_md *ctx)
{
	p->ctx = ctx;
	p->pos = (void *)(long)ctx->data;
	p->end = (void *)(long)ctx->data_end;
	p->len = p->end - p->pos;
	p->ip_len = 0;
	p->ip = NULL;
	p->ip6 = NULL;
	p->tcp = NULL;
	p->udp = NULL;
	p->flow = NULL;
	p->to = NULL;
	*(__u64 *)&p->key.sport = 0; /* ports, protocol, padding; the addresses are written in any case */
	p->vlan[0] = p->vlan[1] = (struct lb_vlan){};
	p->service = p->backend = LB_ID_NONE;
	p->where = 0;
	p->vip = NULL;
	p->l4_flags = p->fresh = p->suspect = p->rules = 0;
}

/* Has the frame, with all its buffers, so many bytes? */
__attribute__((noinline)) int pkt_reaches(struct xdp_md *ctx, __u64 n)
{
	return n <= bpf_xdp_get_buff_len(ctx);
}

INLINE bool pkt_is_syn(const struct pkt *p)
{
	return p->l4_flags & LB_TCP_SYN;
}

/* The next n bytes, or NULL if the frame ends before. n is a constant. */
INLINE void *pkt_peek(struct pkt *p, __u32 n)
{
	return p->pos + n > p->end ? NULL : p->pos;
}

/* Hops the packet may still make: TTL or hop limit. */
INLINE __u8 pkt_hops(const struct pkt *p)
{
	if (p->ip)
		return p->ip->ttl;
	return p->ip6 ? p->ip6->hop_limit : 0;
}

/* Are there n more bytes in the buffer? n may be anything: lengths are compared, because older kernels (6.1) lose sight
 * of a number whose bytes were swapped and refuse to add it to a pointer. */
INLINE bool pkt_has(const struct pkt *p, __u32 n)
{
	return n <= (__u32)(p->end - p->pos);
}

/* The same of the whole packet, of which the frame's first buffer may hold no more than its headers (kernel's
 * documentation, "XDP multi-buffer"). Those that fit into it, all of the usual size, do not pay for the question. */
INLINE bool pkt_has_whole(struct pkt *p, __u32 n)
{
	__u64 at;

	if (pkt_has(p, n))
		return true;
	at = p->pos - (void *)(long)p->ctx->data;
	OPAQUE(at); /* else clang subtracts halves of pointers, which is refused */
	return pkt_reaches(p->ctx, at + n);
}

/* Of the whole frame, for counting. Not kept up to date in `len`: the verifier would walk everything again for frames
 * of several buffers. */
INLINE __u32 pkt_bytes(const struct pkt *p)
{
	if (p->ip_len <= p->len || p->suspect)
		return p->len;
	return p->ip_len + sizeof(*p->eth) + (!!p->vlan[0].tpid + !!p->vlan[1].tpid) * sizeof(struct lb_vlan);
}

/* Moves the cursor n bytes on. n may be variable, at most 511; a later pkt_peek checks the frame. */
INLINE void pkt_skip(struct pkt *p, __u32 n)
{
	n &= 0x1ff;
	OPAQUE(n);
	p->pos += n;
}
