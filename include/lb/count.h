/* Every packet ends its walk with exactly one of these reasons: X(name, verdict, help). Verdicts are those of
 * bpf/kit/verdict.h; the order is ABI. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

/* clang-format off */
#define LB_REASONS(X)                                                                                                       \
	X(forwarded, FORWARD, "sent to a backend")                                                                          \
	X(replied, FORWARD, "backend's answer sent to the client")                                                          \
	X(not_ip, PASS, "neither IPv4 nor IPv6: ARP and others are the stack's")                                            \
	X(vlan, PASS, "more than two VLAN tags; not balanced")                                                              \
	X(not_ours, PASS, "no VIP and no flow")                                                                             \
	X(malformed, PASS, "broken IP header to an address that is no VIP")                                                 \
	X(ttl_exceeded, PASS, "TTL used up; the stack answers")                                                             \
	X(bad_header, DROP, "to a VIP: impossible header length or total length")                                           \
	X(truncated, DROP, "to a VIP: frame ends inside the TCP or UDP header")                                             \
	X(fragment, DROP, "fragment to a VIP that cannot be placed: its first was not seen, or not forwarded")               \
	X(bad_flags, DROP, "to a VIP: TCP flags no stack sends (SYN+FIN, SYN+RST)")                                         \
	X(bad_checksum, DROP, "to a VIP: wrong checksum of the IPv4 header")                                                \
	X(bad_source, DROP, "to a VIP: its own address as source")                                                          \
	X(no_flow, DROP, "TCP packet in the middle of a connection that is not in the table")                               \
	X(no_backend, DROP, "no backend of the service is up")                                                              \
	X(no_nexthop, DROP, "the way to the backend is not resolved, or leaves by an interface we may not send on")         \
	X(snat_ports_full, DROP, "no free source port towards the backend")                                                 \
	X(table_full, DROP, "the flow table refused the entry")                                                             \
	X(too_big, DROP, "larger than the MTU of the way to the backend")                                                   \
	X(too_big_told, FORWARD, "the same, and the sender was told by ICMP")                                               \
	X(no_headroom, DROP, "the driver leaves no room before the frame for outer headers")                                \
	X(client_taken, DROP, "dnat: that client address and port already has a flow to the same server")                   \
	X(icmp_forwarded, FORWARD, "ICMP error sent to the backend of the flow it is about")                                \
	X(echoed, FORWARD, "ping to a VIP, answered")                                                                       \
	X(echo_limited, DROP, "ping to a VIP, beyond what is answered in a second")                                         \
	X(icmp_unowned, DROP, "ICMP error about a packet of a VIP, but of no flow of ours")                                 \
	X(denied, DROP, "to a VIP from a source on the deny list")                                                          \
	X(not_allowed, DROP, "to a VIP from a source that is not on the allow list")                                        \
	X(rate_packets, DROP, "to a VIP from a source that sends more packets than it may")                                 \
	X(rate_connections, DROP, "new connection from a source that opens more than it may")                              \
	X(cookie_sent, FORWARD, "SYN to a listener of this host, answered with a cookie while SYNs flood it")
/* clang-format on */

enum lb_reason {
#define LB_REASON_ENUM(name, verdict, help) LB_R_##name,
	LB_REASONS(LB_REASON_ENUM)
#undef LB_REASON_ENUM
		LB_R_COUNT
};

/* Cell of the map `reasons`. */
struct lb_count {
	__u64 packets;
	__u64 bytes; /* of whole frames */
};
LB_ASSERT_SIZE(struct lb_count, 16);

/* Cell of the maps `service_counts` and `backend_counts`: both directions together. */
struct lb_traffic {
	__u64 packets;
	__u64 bytes;
	__u64 flows; /* created */
};
LB_ASSERT_SIZE(struct lb_traffic, 24);
