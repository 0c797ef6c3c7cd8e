/* UDP through the NAT. */
#include "case.h"

static void aged(struct lb_flow *f)
{
	f->seen -= 40 * 250; /* knob_jiffies_second of the test build: the default */
}

static void silence(struct xdp_bpf *w)
{
	world_row_to(w, 2, 6);
	world_each_flow(w, aged);
}

static void aged_forward(struct lb_flow *f)
{
	if (!(f->flags & LB_FLOW_REVERSE))
		aged(f);
}

static void client_silent(struct xdp_bpf *w)
{
	world_row_to(w, 2, 6);
	world_each_flow(w, aged_forward);
}

static void backend_2_down(struct xdp_bpf *w)
{
	world_row_to(w, 2, 6);
	world_set_flags(w, 2, LB_BACKEND_NEXTHOP);
}

static void row_to_6(struct xdp_bpf *w)
{
	world_row_to(w, 2, 6);
}

#define TO_6 TO_BACKEND(17, "198.18.1.16", 5353)
#define BACK FROM_BACKEND(17, "198.18.1.12", 5353)
#define HOME TO_CLIENT(17, 53)
#define THEN(how, o)                                                                                           \
	{                                                                                                      \
		.in = UDP_IN, .out = o, .before = how, .verdict = XDP_TX, .reason = LB_R_forwarded, .flows = 2 \
	}

/* clang-format off */
const struct packet_case case_udp[] = {
	{ "out by the same interface", { SENT_TX(UDP_IN, UDP_OUT) } },
	{ "question and answer", { SENT_TX(UDP_IN, UDP_OUT), REPLIED(BACK, HOME), SENT_TX(UDP_IN, UDP_OUT) } },
	{ "no checksum stays none",
	  { SENT_TX(TO_VIP(17, 53, .no_udp_csum = true), TO_BACKEND(17, "198.18.1.12", 5353, .no_udp_csum = true)),
	    REPLIED(FROM_BACKEND(17, "198.18.1.12", 5353, .no_udp_csum = true), TO_CLIENT(17, 53, .no_udp_csum = true)) } },
	{ "empty datagram",
	  { SENT_TX(TO_VIP(17, 53, .payload = 0xffff), TO_BACKEND(17, "198.18.1.12", 5353, .payload = 0xffff)) } },
	{ "options", { SENT_TX(TO_VIP(17, 53, .options = 1), TO_BACKEND(17, "198.18.1.12", 5353, .options = 1)) } },
	{ "padded", { SENT_TX(TO_VIP(17, 53, .pad = 8), TO_BACKEND(17, "198.18.1.12", 5353, .pad = 8)) } },
	{ "TTL 1", { PASSED(ttl_exceeded, TO_VIP(17, 53, .ttl = 1)) } },
	{ "too big", { DROPPED(too_big, TO_VIP(17, 53, .payload = 1473)) } },
	{ "row moved: the flow stays", { SENT_TX(UDP_IN, UDP_OUT), THEN(row_to_6, UDP_OUT) } },
	{ "backend down: the flow moves at once, its old port is closed",
	  { SENT_TX(UDP_IN, UDP_OUT), THEN(backend_2_down, TO_6), PASSED(not_ours, BACK) } },
	{ "silent both ways beyond the timeout: picked anew", { SENT_TX(UDP_IN, UDP_OUT), THEN(silence, TO_6) } },
	{ "silent client, talking backend: stays", { SENT_TX(UDP_IN, UDP_OUT), THEN(client_silent, UDP_OUT) } },
	{ "answer of a silent flow still goes home",
	  { SENT_TX(UDP_IN, UDP_OUT), { .in = BACK, .out = HOME, .before = silence, .verdict = XDP_TX, .reason = LB_R_replied } } },
	{ NULL },
};
/* clang-format on */
