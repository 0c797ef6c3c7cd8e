/* The table: one source port for everybody, entries the table gave up, owners that are gone. */
#include "case.h"

static void age(struct lb_flow *f, uint32_t seconds)
{
	f->seen -= seconds * 250;
}

static void age_2(struct lb_flow *f)
{
	age(f, 2);
}

static void two_seconds(struct xdp_bpf *w)
{
	world_each_flow(w, age_2);
}

static void age_31(struct lb_flow *f)
{
	age(f, 31);
}

static void half_a_minute(struct xdp_bpf *w)
{
	world_each_flow(w, age_31);
}

static void age_2h(struct lb_flow *f)
{
	age(f, 7441);
}

static void two_hours(struct xdp_bpf *w)
{
	world_each_flow(w, age_2h);
}

static void lost_reverse(struct xdp_bpf *w)
{
	two_seconds(w);
	world_drop_reverse(w);
}

static void lost_forward(struct xdp_bpf *w)
{
	two_seconds(w);
	world_drop_forward(w);
}

static void orphan(struct xdp_bpf *w)
{
	world_drop_forward(w);
}

#define FIRST SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN))
#define SECOND_IN                                                                                          \
	{                                                                                                  \
		.proto = 6, .src = "198.18.0.101", .dst = VIP, .sport = 50000, .dport = 80, .flags = F_SYN \
	}
#define NO_PORT DROPPED(snat_ports_full, SECOND_IN)
#define TAKES(how)                                                                              \
	{                                                                                       \
		.in = SECOND_IN, .out = TCP_OUT(F_SYN), .before = how, .verdict = XDP_REDIRECT, \
		.reason = LB_R_forwarded, .flows = 2                                            \
	}
#define NOT_YET(how)                                                                                            \
	{                                                                                                       \
		.in = SECOND_IN, .before = how, .verdict = XDP_DROP, .reason = LB_R_snat_ports_full, .flows = 2 \
	}
#define OPEN FIRST, REPLIED(TCP_BACK(F_SYN | F_ACK), TCP_HOME(F_SYN | F_ACK)), SENT(TCP_IN(F_ACK), TCP_OUT(F_ACK))
#define CLOSE \
	SENT(TCP_IN(F_FIN | F_ACK), TCP_OUT(F_FIN | F_ACK)), REPLIED(TCP_BACK(F_FIN | F_ACK), TCP_HOME(F_FIN | F_ACK))
#define UDP_SECOND                                                                          \
	{                                                                                   \
		.proto = 17, .src = "198.18.0.101", .dst = VIP, .sport = 50000, .dport = 53 \
	}

/* clang-format off */
const struct packet_case case_flow[] = {
	{ "no free source port", { FIRST, NO_PORT, SENT(TCP_IN(F_ACK), TCP_OUT(F_ACK)) } },
	{ "the same port towards another backend is free", { FIRST, SENT_TX(UDP_IN, UDP_OUT) } },
	{ "a half-open connection's port after 31 s", { FIRST, TAKES(half_a_minute) } },
	{ "a half-open connection's port after 2 s: not yet", { FIRST, NOT_YET(two_seconds) } },
	{ "an open connection's port after 31 s: not yet", { OPEN, NOT_YET(half_a_minute) } },
	{ "an open connection's port after two hours", { OPEN, TAKES(two_hours), DROPPED(no_flow, TCP_IN(F_ACK)) } },
	{ "a closed connection's port at once: not yet", { OPEN, CLOSE, NOT_YET(NULL) } },
	{ "a closed connection's port after 2 s", { OPEN, CLOSE, TAKES(two_seconds) } },
	{ "closed on one side only: not after 2 s",
	  { OPEN, SENT(TCP_IN(F_FIN | F_ACK), TCP_OUT(F_FIN | F_ACK)), NOT_YET(two_seconds) } },
	{ "a reset connection's port after 2 s", { OPEN, REPLIED(TCP_BACK(F_RST), TCP_HOME(F_RST)), TAKES(two_seconds) } },
	{ "closed, but begun again: not after 2 s", { OPEN, CLOSE, FIRST, NOT_YET(two_seconds) } },
	{ "reset by the backend, but begun again: not after 2 s",
	  { OPEN, REPLIED(TCP_BACK(F_RST), TCP_HOME(F_RST)), FIRST, NOT_YET(two_seconds) } },
	{ "a UDP flow's port after 31 s",
	  { SENT_TX(UDP_IN, UDP_OUT),
	    { .in = UDP_SECOND, .out = UDP_OUT, .before = half_a_minute, .verdict = XDP_TX, .reason = LB_R_forwarded, .flows = 2 } } },
	{ "a reverse entry without its forward entry is nobody's",
	  { OPEN, { .in = SECOND_IN, .out = TCP_OUT(F_SYN), .before = orphan, .verdict = XDP_REDIRECT,
		    .reason = LB_R_forwarded, .flows = 2 } } },
	{ "reverse entry lost: rebuilt by the client's next packet",
	  { OPEN,
	    { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .before = lost_reverse, .verdict = XDP_REDIRECT,
	      .reason = LB_R_forwarded, .flows = 2 },
	    REPLIED(TCP_BACK(F_ACK), TCP_HOME(F_ACK)) } },
	{ "forward entry lost: rebuilt by the backend's next packet",
	  { OPEN,
	    { .in = TCP_BACK(F_ACK), .out = TCP_HOME(F_ACK), .before = lost_forward, .verdict = XDP_TX,
	      .reason = LB_R_replied, .flows = 2 },
	    SENT(TCP_IN(F_ACK), TCP_OUT(F_ACK)) } },
	{ "a table full of half-open connections gives one of them up",
	  { OPEN,
	    { .in = UDP_IN, .out = UDP_OUT, .before = world_crowd, .verdict = XDP_TX, .reason = LB_R_forwarded },
	    SENT(TCP_IN(F_ACK), TCP_OUT(F_ACK)), REPLIED(TCP_BACK(F_ACK), TCP_HOME(F_ACK)) } },
	{ "client's router changes: answers follow within a second",
	  { OPEN,
	    { .in = TO_VIP(6, 80, .flags = F_ACK, .from = ROUTER_MAC), .out = TCP_OUT(F_ACK), .before = two_seconds,
	      .verdict = XDP_REDIRECT, .reason = LB_R_forwarded },
	    REPLIED(TCP_BACK(F_ACK), TO_CLIENT(6, 80, .flags = F_ACK, .to = ROUTER_MAC)) } },
	{ NULL },
};
/* clang-format on */
