/* The packet on its walk: cursor, what parsing found, what the stages decided. Bounds checks live here and nowhere
 * else. The head is never moved, so header pointers stay good until the exit. */
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
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
	struct iphdr *ip;
	struct tcphdr *tcp; /* set for TCP */
	struct udphdr *udp; /* set for UDP */
	struct lb_tuple key;
	struct lb_flow *flow; /* this packet's entry, found or just made; NULL: none */
	__u32 len;	      /* whole frame */
	__u32 now;	      /* low bits of jiffies; set by the flow stage */
	__u32 action;	      /* XDP_TX or XDP_REDIRECT, once the forward stage has decided */
	__u16 service, backend;
	__u8 l4_flags; /* LB_TCP_* in this packet; SYN means SYN without ACK */
	__u8 fresh;    /* the flow was made by this packet */
	__u8 suspect;  /* reason to drop it if it is for a VIP; 0: none (reason 0 is no fault) */
	__u8 reason;
};

INLINE void pkt_init(struct pkt *p, struct xdp_md *ctx)
{
	p->ctx = ctx;
	p->pos = (void *)(long)ctx->data;
	p->end = (void *)(long)ctx->data_end;
	p->len = p->end - p->pos;
	p->tcp = NULL;
	p->udp = NULL;
	p->flow = NULL;
	p->key = (struct lb_tuple){};
	p->service = p->backend = LB_ID_NONE;
	p->l4_flags = p->fresh = p->suspect = 0;
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

/* Moves the cursor n bytes on. n may be variable, at most 255; a later pkt_peek checks the frame. */
INLINE void pkt_skip(struct pkt *p, __u32 n)
{
	n &= 0xff;
	OPAQUE(n);
	p->pos += n;
}
