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
#include "stage/cookie.h"
#include "stage/echo.h"
#include "stage/firewall.h"
#include "stage/flow.h"
#include "stage/forward.h"
#include "stage/fragment.h"
#include "stage/icmp_error.h"
#include "stage/pick.h"
#include "stage/quic.h"
#include "stage/ratelimit.h"
#include "stage/row.h"
#include "stage/service.h"

/* ICMP, fragments and SYN cookies have programs of their own: they are rare, and the verifier need not walk them after
 * every way here. */
int sluice_icmp(struct xdp_md *ctx);
int sluice_fragment(struct xdp_md *ctx);
int sluice_follow(struct xdp_md *ctx);
int sluice_cookie(struct xdp_md *ctx);
enum { PROGRAM_ICMP, PROGRAM_FRAGMENT, PROGRAM_FOLLOW, PROGRAM_COOKIE, PROGRAMS };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PROGRAMS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} programs SEC(".maps") = {
	.values = { [PROGRAM_ICMP] = (void *)&sluice_icmp,
		    [PROGRAM_FRAGMENT] = (void *)&sluice_fragment,
		    [PROGRAM_FOLLOW] = (void *)&sluice_follow,
		    [PROGRAM_COOKIE] = (void *)&sluice_cookie },
};

/* From the transport header to the backend, where connection id or row says that. */
INLINE enum verdict find_by_row(struct pkt *p)
{
	TRY(parse_l4(p));
	TRY(stage_suspect(p));
	TRY(stage_service(p));
	TRY(stage_quic(p));
	return stage_row(p);
}

/* Where they do not. */
INLINE enum verdict find_by_flow(struct pkt *p)
{
	TRY(stage_affinity(p));
	TRY(stage_flow(p));
	TRY(stage_ratelimit(p));
	return stage_pick(p);
}

/* For packets that are none of our business: addresses of this host may be sources towards backends, so there are two
 * places where that comes out. */
INLINE enum verdict stack_or_cookie(struct pkt *p, enum verdict v)
{
	if (v != PASS || !cookie_is_meant(p))
		return v;
	bpf_tail_call(p->ctx, &programs, PROGRAM_COOKIE);
	return END(p, not_ours);
}

/* A tail call that fails comes back; some kernels (6.12) hold all packet pointers for lost then. */
INLINE enum verdict walk(struct pkt *p)
{
	enum verdict v;

	TRY(parse_l3(p));
	v = stage_address(p);
	if (v != NEXT)
		return stack_or_cookie(p, v);
	TRY(stage_guard(p));
	if (icmp_is_meant(p)) {
		bpf_tail_call(p->ctx, &programs, PROGRAM_ICMP);
		return END(p, not_ours);
	}
	if (fragment_is_meant(p)) {
		bpf_tail_call(p->ctx, &programs, PROGRAM_FRAGMENT);
		return END(p, fragment);
	}
	v = find_by_row(p);
	if (v != NEXT)
		return stack_or_cookie(p, v);
	if (p->to) {
		TRY(stage_ratelimit(p));
		return forward_by_row(p);
	}
	TRY(find_by_flow(p));
	return stage_forward(p);
}

INLINE enum verdict icmp_walk(struct pkt *p)
{
	TRY(parse_l3(p));
	TRY(stage_address(p));
	TRY(stage_echo(p));
	return icmp_error(p);
}

/* Finds out where the packet goes that begins with this fragment; the other program sends it there. */
INLINE enum verdict fragment_walk(struct pkt *p)
{
	struct scratch *s = scratch_get();
	enum verdict v;
	bool first;

	TRY(parse_l3(p));
	TRY(stage_address(p));
	if (!s || !fragment_read(p, &s->piece, &first))
		return END(p, fragment);
	if (first) {
		v = find_by_row(p);
		if (v == NEXT)
			v = p->to ? stage_ratelimit(p) : find_by_flow(p);
		if (v == NEXT || v == PASS)
			fragment_remember(p, s);
		if (v != NEXT)
			return v;
	}
	bpf_tail_call(p->ctx, &programs, PROGRAM_FOLLOW);
	return END(p, fragment);
}

INLINE enum verdict follow_walk(struct pkt *p)
{
	struct scratch *s = scratch_get();
	bool first;

	TRY(parse_l3(p));
	TRY(stage_address(p));
	if (!s || !fragment_read(p, &s->piece, &first))
		return END(p, fragment);
	if (first)
		TRY(parse_l4(p));
	TRY(fragment_follow(p, &s->piece, first));
	return stage_forward(p);
}

INLINE enum verdict cookie_walk(struct pkt *p)
{
	TRY(parse_l3(p));
	TRY(parse_l4(p));
	return cookie_answer(p);
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

SEC("xdp.frags")
int sluice_icmp(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, icmp_walk(&p));
}

SEC("xdp.frags")
int sluice_fragment(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, fragment_walk(&p));
}

SEC("xdp.frags")
int sluice_follow(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, follow_walk(&p));
}

SEC("xdp.frags")
int sluice_cookie(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, cookie_walk(&p));
}

SEC("xdp.frags")
int sluice_xdp(struct xdp_md *ctx)
{
	struct pkt p;

	pkt_init(&p, ctx);
	return leave(&p, walk(&p));
}

char LICENSE[] SEC("license") = "GPL";
