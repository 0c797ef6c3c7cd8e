/* The L4 balancer's door: one packet, one walk, one counted exit. Stages are in stage/, what they share in kit/.
 * The order is that of cost: what is not ours leaves after its address, what needs no memory after its row. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kit/count.h"
#include "kit/event.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/parse_l3.h"
#include "kit/parse_l4.h"
#include "kit/pkt.h"
#include "stage/affinity.h"
#include "stage/firewall.h"
#include "stage/flow.h"
#include "stage/forward.h"
#include "stage/icmp_error.h"
#include "stage/pick.h"
#include "stage/quic.h"
#include "stage/ratelimit.h"
#include "stage/row.h"
#include "stage/service.h"

/* ICMP has a program of its own: it is rare, and the verifier need not walk it after every way here. */
int sluice_icmp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} programs SEC(".maps") = {
	.values = { [0] = (void *)&sluice_icmp },
};

INLINE enum verdict walk(struct pkt *p)
{
	TRY(parse_l3(p));
	TRY(stage_address(p));
	TRY(stage_guard(p));
	if (icmp_is_meant(p)) {
		bpf_tail_call(p->ctx, &programs, 0);
		return END(p, not_ours); /* it failed; some kernels (6.12) hold all packet pointers for lost then */
	}
	TRY(parse_l4(p));
	TRY(stage_suspect(p));
	TRY(stage_service(p));
	TRY(stage_quic(p));
	TRY(stage_row(p));
	if (p->to) {
		TRY(stage_ratelimit(p));
		return forward_by_row(p);
	}
	TRY(stage_affinity(p));
	TRY(stage_flow(p));
	TRY(stage_ratelimit(p));
	TRY(stage_pick(p));
	return stage_forward(p);
}

INLINE enum verdict icmp_walk(struct pkt *p)
{
	TRY(parse_l3(p));
	TRY(stage_address(p));
	return icmp_error(p);
}

INLINE int leave(const struct pkt *p, enum verdict v)
{
	count_packet(p, v);
	event_packet(p);
	switch (v) {
	case NEXT: /* no stage ends with it */
	case DROP:
		return XDP_DROP;
	case PASS:
		return XDP_PASS;
	case FORWARD:
		return p->action;
	}
	return XDP_DROP;
}

SEC("xdp")
int sluice_icmp(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, icmp_walk(&p));
}

SEC("xdp")
int sluice_xdp(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, walk(&p));
}

char LICENSE[] SEC("license") = "GPL";
