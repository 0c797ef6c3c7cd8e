/* TCP through the NAT: both directions, options, life and death of connections. */
#include "case.h"

static void backend_1_down(struct xdp_bpf *w)
{
	world_row_to(w, 1, 3);
	world_set_flags(w, 1, LB_BACKEND_NEXTHOP);
}

static void backend_1_no_hop(struct xdp_bpf *w)
{
	world_set_flags(w, 1, LB_BACKEND_UP);
}

static void row_to_3(struct xdp_bpf *w)
{
	world_row_to(w, 1, 3);
}

static void other_owner(struct xdp_bpf *w)
{
	world_bump_gen(w, 1);
}

static void away(struct lb_flow *f)
{
	f->way.ifindex = 7;
}

static void client_elsewhere(struct xdp_bpf *w)
{
	world_each_flow(w, away);
}

static void nowhere(struct lb_flow *f)
{
	f->way.ifindex = 99;
}

static void client_nowhere(struct xdp_bpf *w)
{
	world_each_flow(w, nowhere);
}

#define OPEN                                                                                            \
	SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)), REPLIED(TCP_BACK(F_SYN | F_ACK), TCP_HOME(F_SYN | F_ACK)), \
		SENT(TCP_IN(F_ACK), TCP_OUT(F_ACK))
#define TO_3(f) TO_BACKEND(6, "198.18.1.13", 8080, .flags = f)

/* clang-format off */
const struct packet_case case_tcp[] = {
	{ "SYN", { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)) } },
	{ "SYN with options in both headers",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .options = 3, .tcp_options = 5),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .options = 3, .tcp_options = 5)) } },
	{ "longest IP header",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .options = 10),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .options = 10)) } },
	{ "padded to the Ethernet minimum",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .payload = 0xffff, .pad = 6),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .payload = 0xffff, .pad = 6)) } },
	{ "odd payload",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .payload = 7), TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .payload = 7)) } },
	{ "handshake, data, close",
	  { OPEN, SENT(TCP_IN(F_PSH | F_ACK), TCP_OUT(F_PSH | F_ACK)), REPLIED(TCP_BACK(F_PSH | F_ACK), TCP_HOME(F_PSH | F_ACK)),
	    SENT(TCP_IN(F_FIN | F_ACK), TCP_OUT(F_FIN | F_ACK)), REPLIED(TCP_BACK(F_FIN | F_ACK), TCP_HOME(F_FIN | F_ACK)),
	    { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .verdict = XDP_REDIRECT, .reason = LB_R_forwarded, .flows = 2 } } },
	{ "RST from the client still reaches the backend", { OPEN, SENT(TCP_IN(F_RST), TCP_OUT(F_RST)) } },
	{ "RST from the backend reaches the client", { OPEN, REPLIED(TCP_BACK(F_RST), TCP_HOME(F_RST)) } },
	{ "SYN again keeps its backend and port",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TCP_IN(F_SYN), .out = TCP_OUT(F_SYN), .before = row_to_3, .verdict = XDP_REDIRECT,
	      .reason = LB_R_forwarded, .flows = 2 } } },
	{ "client begins again after a close",
	  { OPEN, SENT(TCP_IN(F_RST), TCP_OUT(F_RST)),
	    { .in = TCP_IN(F_SYN), .out = TCP_OUT(F_SYN), .verdict = XDP_REDIRECT, .reason = LB_R_forwarded, .flows = 2 } } },
	{ "ACK without a flow", { DROPPED(no_flow, TCP_IN(F_ACK)) } },
	{ "SYN+ACK without a flow", { DROPPED(no_flow, TCP_IN(F_SYN | F_ACK)) } },
	{ "RST without a flow", { DROPPED(no_flow, TCP_IN(F_RST)) } },
	{ "no flags, no flow", { DROPPED(no_flow, TCP_IN(0)) } },
	{ "no backend", { DROPPED(no_backend, TO_VIP(6, 81, .flags = F_SYN)) } },
	{ "next hop unknown", { DROPPED(no_nexthop, TO_VIP(6, 82, .flags = F_SYN)) } },
	{ "interface that is no device of ours", { DROPPED(no_nexthop, TO_VIP(6, 83, .flags = F_SYN)) } },
	{ "next hop lost later",
	  { OPEN, { .in = TCP_IN(F_ACK), .before = backend_1_no_hop, .verdict = XDP_DROP, .reason = LB_R_no_nexthop } } },
	{ "backend down: the connection goes on, a SYN moves",
	  { OPEN,
	    { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .before = backend_1_down, .verdict = XDP_REDIRECT,
	      .reason = LB_R_forwarded },
	    REPLIED(TCP_BACK(F_ACK), TCP_HOME(F_ACK)),
	    { .in = TCP_IN(F_SYN), .out = TO_3(F_SYN), .verdict = XDP_REDIRECT, .reason = LB_R_forwarded, .flows = 2 },
	    PASSED(not_ours, TCP_BACK(F_ACK)) } },
	{ "row moved, backend still up: the connection stays",
	  { OPEN, { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .before = row_to_3, .verdict = XDP_REDIRECT,
		    .reason = LB_R_forwarded } } },
	{ "the id has a new owner: the old connection is not sent there",
	  { OPEN, { .in = TCP_IN(F_ACK), .before = other_owner, .verdict = XDP_DROP, .reason = LB_R_no_flow } } },
	{ "the id has a new owner: neither are its packets sent home",
	  { OPEN, { .in = TCP_BACK(F_ACK), .before = other_owner, .verdict = XDP_PASS, .reason = LB_R_not_ours } } },
	{ "answer leaves by the client's interface",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TCP_BACK(F_SYN | F_ACK), .out = TCP_HOME(F_SYN | F_ACK), .before = client_elsewhere,
	      .verdict = XDP_REDIRECT, .reason = LB_R_replied } } },
	{ "the client's interface is no device of ours",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TCP_BACK(F_ACK), .before = client_nowhere, .verdict = XDP_DROP, .reason = LB_R_no_nexthop } } },
	{ "answer goes to the MAC the client's packet came from",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .from = ROUTER_MAC), TCP_OUT(F_SYN)),
	    REPLIED(TCP_BACK(F_SYN | F_ACK), TO_CLIENT(6, 80, .flags = F_SYN | F_ACK, .to = ROUTER_MAC)) } },
	{ "TTL 2 leaves as 1",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .ttl = 2),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .ttl = 1)) } },
	{ "TTL 1", { OPEN, PASSED(ttl_exceeded, TO_VIP(6, 80, .flags = F_ACK, .ttl = 1)) } },
	{ "answer with TTL 1", { OPEN, PASSED(ttl_exceeded, FROM_BACKEND(6, "198.18.1.11", 8080, .flags = F_ACK, .ttl = 1)) } },
	{ "exactly the MTU",
	  { SENT(TO_VIP(6, 80, .flags = F_SYN, .payload = 1460),
		 TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .payload = 1460)) } },
	{ "one more than the MTU", { OPEN, DROPPED(too_big, TO_VIP(6, 80, .flags = F_ACK, .payload = 1461)) } },
	{ NULL },
};
/* clang-format on */
