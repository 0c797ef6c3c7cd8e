/* A case is a list of packets sent one after the other into the world of world.h: packet in, verdict, packet out byte
 * for byte, and the reason that must be counted (exactly one packet under exactly that reason). */
#pragma once
#include <linux/bpf.h>
#include "build.h"
#include "lb/count.h"
#include "world.h"

#define STEPS_MAX 10

struct step {
	struct shape in;
	uint16_t cut;			   /* frame is cut to this many bytes (at least 14: the kernel's own minimum) */
	void (*mangle)(struct frame *f);   /* changes bytes after building */
	void (*before)(struct xdp_bpf *w); /* changes the world first */
	uint32_t verdict;		   /* XDP_* */
	struct shape out;		   /* .proto 0: the packet leaves as it came */
	enum lb_reason reason;
	unsigned flows; /* table entries afterwards, when not 0 */
};

struct packet_case {
	const char *name;
	struct step step[STEPS_MAX]; /* ends at the first without in.proto */
};

extern const struct packet_case case_parse[], case_tcp[], case_udp[], case_flow[],
	case_family[]; /* end with .name NULL */

extern const char *const reason_names[]; /* by enum lb_reason */

/* The guard (case_guard.c), in worlds of its own. The number of failures. */
int guard_run(void);
/* SYN cookies, in a network namespace of their own. The number of failures. */
int cookie_run(void);
/* Forwarding modes and the decapsulator. The number of failures. */
int mode_run(struct xdp_bpf *w);
/* QUIC connection ids. The number of failures. */
int quic_run(struct xdp_bpf *w);
/* Rows with a past, affinity, ranges of ports. The number of failures. */
int row_run(struct xdp_bpf *w);
/* Pings, and ICMP errors of others and our own. The number of failures. */
int icmp_run(struct xdp_bpf *w);
/* The ICMP message `outer`, quoting so many bytes of the packet `about`. */
void icmp_message(struct frame *ret, struct shape outer, struct shape about, uint16_t quoted, uint16_t mtu);
/* Fragments in every mode and direction. The number of failures. */
int fragment_run(struct xdp_bpf *w);
/* What other balancers get wrong, and frames of several buffers. The number of failures. */
int probe_run(struct xdp_bpf *w);
/* Either family inside either, ipip and gue, and out again. The number of failures. */
int tunnel_run(struct xdp_bpf *w);
/* Families, protocols, directions and VLAN tags, all combinations. The number of failures. */
int family_run(struct xdp_bpf *w);
/* Checksums of random packets both ways, and the UDP sum that comes out zero. 0 or the number of failures. */
int sweep_run(struct xdp_bpf *w);
/* Runs the frame through the program; out may be in. The XDP verdict, or exits. */
uint32_t run_frame(struct xdp_bpf *w, const struct frame *in, struct frame *out);

/* clang-format off */
/* Shapes used all over. Client to VIP, and what leaves towards the backend; backend's answer, and what leaves to the client. */
#define TO_VIP(p, port, ...) { .proto = p, .src = CLI, .dst = VIP, .sport = 40000, .dport = port, __VA_ARGS__ }
#define TO_BACKEND(p, ip, port, ...)                                                                                        \
	{ .proto = p, .src = SNAT, .dst = ip, .sport = SNAT_PORT, .dport = port, .ttl = 63, .from = LB, .to = BACKEND_MAC, __VA_ARGS__ }
#define FROM_BACKEND(p, ip, port, ...)                                                                                      \
	{ .proto = p, .src = ip, .dst = SNAT, .sport = port, .dport = SNAT_PORT, .from = BACKEND_MAC, __VA_ARGS__ }
#define TO_CLIENT(p, port, ...)                                                                                             \
	{ .proto = p, .src = VIP, .dst = CLI, .sport = port, .dport = 40000, .ttl = 63, .from = LB, .to = CLIENT, __VA_ARGS__ }

#define TCP_IN(f) TO_VIP(6, 80, .flags = f)
#define TCP_OUT(f) TO_BACKEND(6, "198.18.1.11", 8080, .flags = f)
#define TCP_BACK(f) FROM_BACKEND(6, "198.18.1.11", 8080, .flags = f)
#define TCP_HOME(f) TO_CLIENT(6, 80, .flags = f)
#define UDP_IN TO_VIP(17, 53)
#define UDP_OUT TO_BACKEND(17, "198.18.1.12", 5353)

#define SENT(i, o) { .in = i, .out = o, .verdict = XDP_REDIRECT, .reason = LB_R_forwarded }
#define SENT_TX(i, o) { .in = i, .out = o, .verdict = XDP_TX, .reason = LB_R_forwarded }
#define REPLIED(i, o) { .in = i, .out = o, .verdict = XDP_TX, .reason = LB_R_replied }
#define DROPPED(why, ...) { .in = __VA_ARGS__, .verdict = XDP_DROP, .reason = LB_R_##why }
#define PASSED(why, ...) { .in = __VA_ARGS__, .verdict = XDP_PASS, .reason = LB_R_##why }
/* clang-format on */
