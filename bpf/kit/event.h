/* Shows samples of finished packets to a watcher. While nobody watches it costs a packet one load and a branch. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"

_Static_assert(LB_R_COUNT <= 64, "the capture switch has one bit per reason");

/* The frame's length is asked of the context, since it may have grown or shrunk on its walk. */
INLINE void event_fill(struct xdp_md *ctx, struct lb_event *e)
{
	__u64 n = bpf_xdp_get_buff_len(ctx);

	e->len = n;
	n = n > LB_EVENT_BYTES ? LB_EVENT_BYTES - 1 : n - 1;
	OPAQUE(n); /* a mask, because 6.1 forgets what it learned from a comparison with another register */
	n = n % LB_EVENT_BYTES + 1;
	if (bpf_xdp_load_bytes(ctx, 0, e->data, n) < 0)
		n = 0;
	e->captured = n;
}

/* A global function: rare, so it is verified once and not again for each way a packet may have come here. */
__attribute__((noinline)) int event_emit(struct xdp_md *ctx, __u32 reason)
{
	__u32 zero = 0;
	struct lb_capture *c = bpf_map_lookup_elem(&capture, &zero);
	struct lb_event *e;
	__u64 now;

	if (!c || __sync_fetch_and_add(&c->seen, 1) % (c->sample ?: 1))
		return 0;
	now = bpf_ktime_get_ns();
	if (now > c->until)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&c->lost, 1);
		return 0;
	}
	e->ns = now;
	e->ifindex = ctx->ingress_ifindex;
	e->reason = reason;
	e->pad = 0;
	event_fill(ctx, e);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

INLINE void event_packet(const struct pkt *p)
{
	__u32 zero = 0;
	struct lb_capture *c = bpf_map_lookup_elem(&capture, &zero);

	if (c && c->reasons >> p->reason & 1)
		event_emit(p->ctx, p->reason);
}
