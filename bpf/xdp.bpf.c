/* The L4 balancer's door: one packet, one walk, one counted exit. Stages are in stage/, what they share in kit/.
 * The flow table is asked before the VIP table: an established packet of either direction then costs one hash lookup.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kit/count.h"
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/parse_l3.h"
#include "kit/parse_l4.h"
#include "kit/pkt.h"
#include "stage/flow.h"
#include "stage/forward.h"
#include "stage/pick.h"
#include "stage/service.h"

INLINE enum verdict walk(struct pkt *p)
{
	TRY(parse_eth(p));
	TRY(parse_ipv4(p));
	TRY(parse_l4(p));
	TRY(stage_suspect(p));
	TRY(stage_flow(p));
	TRY(stage_service(p));
	TRY(stage_pick(p));
	return stage_forward(p);
}

SEC("xdp")
int sluice_xdp(struct xdp_md *ctx)
{
	struct pkt p;
	enum verdict v;

	pkt_init(&p, ctx);
	v = walk(&p);
	count_packet(&p, v);
	switch (v) {
	case NEXT: /* no stage ends with it */
	case DROP:
		return XDP_DROP;
	case PASS:
		return XDP_PASS;
	case FORWARD:
		return p.action;
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
