/* The table: floors first, then what the balancer does. */
#include "scenario.h"
#include <linux/bpf.h>
#include <netinet/in.h>
#include "base/mem.h"

/* clang-format off */
#define TCP(flag, vip) { .proto = IPPROTO_TCP, .flags = (flag), .dst = (vip), .dport = VIP_PORT }
#define UDP(vip)       { .proto = IPPROTO_UDP, .dst = (vip), .dport = VIP_PORT }
#define REPLY	       { .proto = IPPROTO_TCP, .flags = FLAG_ACK, .sport = SNAT_PORT }
#define ARP	       { .type = 0x0806, .dst = NO_VIP, .dport = VIP_PORT }

#define OUTER4	   20
#define OUTER6	   40
#define OUTER4_GUE 28

#define FLOOR(title, kind, drive, vip, bytes) \
	{ title, kind, PLAIN, drive, TCP(FLAG_ACK, vip), 65536, NULL, XDP_TX, bytes }
#define SENT(title, over, world, drive, packet, flows, bytes) \
	{ title, over, world, drive, packet, flows, "forwarded", XDP_TX, bytes }
#define PASSED(title, drive, packet, flows, reason) \
	{ title, FLOOR_TX, PLAIN, drive, packet, flows, reason, XDP_PASS, 0 }

const struct scenario scenarios[] = {
	FLOOR("floor: XDP_TX", FLOOR_TX, DRIVE4, VIP_IPIP, 0),
	FLOOR("floor: bare IPIP", FLOOR_IPIP, DRIVE4, VIP_IPIP, OUTER4),
	FLOOR("floor: bare IPv6 in IPv6", FLOOR_IP6IP6, DRIVE6, VIP_SIX, OUTER6),
	FLOOR("floor: fixed rewrite", FLOOR_NAT, DRIVE4, VIP_SNAT, 0),

	SENT("ipip tcp4 established, 1 flow", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1, OUTER4),
	SENT("ipip tcp4 established, 1,024 flows", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1024, OUTER4),
	SENT("ipip tcp4 established, 65,536 flows", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 65536, OUTER4),
	SENT("ipip tcp4 established, 1,048,576 flows", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1 << 20, OUTER4),
	SENT("ipip tcp4, rows moved, 1 flow", FLOOR_IPIP, MOVED, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1, OUTER4),
	SENT("ipip tcp4, rows moved, 65,536 flows", FLOOR_IPIP, MOVED, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 65536, OUTER4),
	SENT("ipip tcp4, rows moved, 1,048,576 flows", FLOOR_IPIP, MOVED, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1 << 20, OUTER4),
	SENT("ipip tcp4, all tracked, 1 flow", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_TRACK), 1, OUTER4),
	SENT("ipip tcp4, all tracked, 65,536 flows", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_TRACK), 65536, OUTER4),
	SENT("ipip tcp4 SYN, all new, tables full", FLOOR_IPIP, FULL, DRIVE4, TCP(FLAG_SYN, VIP_IPIP), FLOWS_NEW, OUTER4),
	SENT("ipip tcp4 SYN, the same, all tracked", FLOOR_IPIP, FULL, DRIVE4, TCP(FLAG_SYN, VIP_TRACK), FLOWS_NEW, OUTER4),
	SENT("ipip tcp4 ACK of unknown flows", FLOOR_IPIP, FULL, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), FLOWS_NEW, OUTER4),
	SENT("ipip tcp6 established, 1 flow", FLOOR_IP6IP6, PLAIN, DRIVE6, TCP(FLAG_ACK, VIP_SIX), 1, OUTER6),
	SENT("ipip tcp6 established, 65,536 flows", FLOOR_IP6IP6, PLAIN, DRIVE6, TCP(FLAG_ACK, VIP_SIX), 65536, OUTER6),
	SENT("ipip udp4, 1 flow", FLOOR_IPIP, PLAIN, DRIVE4, UDP(VIP_IPIP), 1, OUTER4),
	SENT("ipip udp4, 65,536 flows", FLOOR_IPIP, PLAIN, DRIVE4, UDP(VIP_IPIP), 65536, OUTER4),
	SENT("ipip tcp4 to IPv6 servers, 1 flow", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_TO_SIX), 1, OUTER6),

	PASSED("not for any VIP: tcp4, 1 flow", DRIVE4, TCP(FLAG_ACK, NO_VIP), 1, "not_ours"),
	PASSED("not for any VIP: tcp4, 65,536 flows", DRIVE4, TCP(FLAG_ACK, NO_VIP), 65536, "not_ours"),
	PASSED("not for any VIP: tcp6, 1 flow", DRIVE6, TCP(FLAG_ACK, NO_VIP_SIX), 1, "not_ours"),
	PASSED("not IP", DRIVE4, ARP, 1, "not_ip"),

	SENT("gue tcp4 established, 1 flow", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_GUE), 1, OUTER4_GUE),
	SENT("gue tcp4 established, 65,536 flows", FLOOR_IPIP, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_GUE), 65536, OUTER4_GUE),
	SENT("dsr tcp4 established, 1 flow", FLOOR_TX, PLAIN, DRIVE4, TCP(FLAG_ACK, VIP_DSR), 1, 0),

	SENT("snat tcp4 established, 1 flow", FLOOR_NAT, NAT, DRIVE4, TCP(FLAG_ACK, VIP_SNAT), 1, 0),
	SENT("snat tcp4 established, 1,024 flows", FLOOR_NAT, NAT, DRIVE4, TCP(FLAG_ACK, VIP_SNAT), 1024, 0),
	SENT("snat tcp4 established, 65,536 flows", FLOOR_NAT, NAT, DRIVE4, TCP(FLAG_ACK, VIP_SNAT), 65536, 0),
	{ "snat tcp4 redirected, 1 flow", FLOOR_NAT, NAT, DRIVE4, TCP(FLAG_ACK, VIP_FAR), 1, "forwarded", XDP_REDIRECT, 0 },
	{ "snat tcp4 replies, 1 flow", FLOOR_NAT, NAT, REPLY4, REPLY, 1, "replied", XDP_TX, 0 },
	{ "snat tcp4 replies, 1,024 flows", FLOOR_NAT, NAT, REPLY4, REPLY, 1024, "replied", XDP_TX, 0 },
	{ "snat tcp4 replies, 65,536 flows", FLOOR_NAT, NAT, REPLY4, REPLY, 65536, "replied", XDP_TX, 0 },

	SENT("guard lists: ipip tcp4, 1 flow", FLOOR_IPIP, LISTS, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1, OUTER4),
	SENT("guard lists: ipip tcp4, 65,536 flows", FLOOR_IPIP, LISTS, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 65536, OUTER4),
	SENT("guard limits: ipip tcp4, 1 flow", FLOOR_IPIP, LIMITS, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1, OUTER4),
	SENT("guard limits: ipip tcp4, 65,536 flows", FLOOR_IPIP, LIMITS, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 65536, OUTER4),
	SENT("guard all: ipip tcp4, 1 flow", FLOOR_IPIP, GUARD, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 1, OUTER4),
	SENT("guard all: ipip tcp4, 65,536 flows", FLOOR_IPIP, GUARD, DRIVE4, TCP(FLAG_ACK, VIP_IPIP), 65536, OUTER4),
};
/* clang-format on */

const size_t nscenarios = ARRAY_LEN(scenarios);
