/* IPv6, and VLAN tags: every family, protocol, direction and number of tags; then what only IPv6 has. */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define TO_VIP6(p, port, ...)                                                                    \
	{                                                                                        \
		.proto = p, .src = CLI6, .dst = VIP6, .sport = 40000, .dport = port, __VA_ARGS__ \
	}
#define TO_BACKEND6(p, ip, port, ...)                                                                          \
	{                                                                                                      \
		.proto = p, .src = SNAT6, .dst = ip, .sport = SNAT_PORT, .dport = port, .ttl = 63, .from = LB, \
		.to = BACKEND_MAC, __VA_ARGS__                                                                 \
	}
#define FROM_BACKEND6(p, ip, port, ...)                                                                      \
	{                                                                                                    \
		.proto = p, .src = ip, .dst = SNAT6, .sport = port, .dport = SNAT_PORT, .from = BACKEND_MAC, \
		__VA_ARGS__                                                                                  \
	}
#define TO_CLIENT6(p, port, ...)                                                                            \
	{                                                                                                   \
		.proto = p, .src = VIP6, .dst = CLI6, .sport = port, .dport = 40000, .ttl = 63, .from = LB, \
		.to = CLIENT, __VA_ARGS__                                                                   \
	}
#define TCP6_IN(f, ...)	 TO_VIP6(6, 80, .flags = f, __VA_ARGS__)
#define TCP6_OUT(f, ...) TO_BACKEND6(6, "fd00:1::11", 8080, .flags = f, __VA_ARGS__)
#define TCP6_BACK(f)	 FROM_BACKEND6(6, "fd00:1::11", 8080, .flags = f)
#define TCP6_HOME(f)	 TO_CLIENT6(6, 80, .flags = f)
#define UDP6_IN(...)	 TO_VIP6(17, 53, __VA_ARGS__)
#define UDP6_OUT(...)	 TO_BACKEND6(17, "fd00:1::12", 5353, __VA_ARGS__)
#define EXT(chain)                                                                \
	{                                                                         \
		SENT(TCP6_IN(F_SYN, .ext = chain), TCP6_OUT(F_SYN, .ext = chain)) \
	}

struct way {
	struct shape in, out, back, home;
	uint32_t verdict; /* of a packet to the backend */
};

/* TCP leaves by another interface, so without tags; UDP by the same one, so with those it came with. */
static struct way way_of(bool six, bool udp)
{
	static const struct way ways[2][2] = {
		{ { TCP_IN(F_SYN), TCP_OUT(F_SYN), TCP_BACK(F_SYN | F_ACK), TCP_HOME(F_SYN | F_ACK), XDP_REDIRECT },
		  { UDP_IN, UDP_OUT, FROM_BACKEND(17, "198.18.1.12", 5353), TO_CLIENT(17, 53), XDP_TX } },
		{ { TCP6_IN(F_SYN), TCP6_OUT(F_SYN), TCP6_BACK(F_SYN | F_ACK), TCP6_HOME(F_SYN | F_ACK), XDP_REDIRECT },
		  { UDP6_IN(), UDP6_OUT(), FROM_BACKEND6(17, "fd00:1::12", 5353), TO_CLIENT6(17, 53), XDP_TX } },
	};

	return ways[six][udp];
}

static int expect(struct xdp_bpf *w, const char *name, const struct shape *in, const struct shape *out,
		  uint32_t verdict)
{
	struct frame f, want;

	build(in, &f);
	build(out, &want);
	if (run_frame(w, &f, &f) == verdict && f.n == want.n && memcmp(f.b, want.b, f.n) == 0 && build_verify(&f))
		return 0;
	printf("FAIL %s: %s to %s\n", name, in->src, in->dst);
	return 1;
}

/* Client's packets with `tags`, the backend's with `back_tags`: each end sees its own. */
static int one_way(struct xdp_bpf *w, bool six, bool udp, uint8_t tags, uint8_t back_tags)
{
	struct way x = way_of(six, udp);
	char name[64];
	int failed;

	snprintf(name, sizeof(name), "IPv%d %s, %u tags, %u on the answer", six ? 6 : 4, udp ? "UDP" : "TCP", tags,
		 back_tags);
	x.in.tags = x.home.tags = tags;
	x.back.tags = back_tags;
	x.back.vid = 200;
	x.out.tags = udp ? tags : 0;
	world_reset(w);
	failed = expect(w, name, &x.in, &x.out, x.verdict);
	failed += expect(w, name, &x.back, &x.home, XDP_TX);
	x.in.flags = x.out.flags = F_ACK;
	return failed + expect(w, name, &x.in, &x.out, x.verdict);
}

int family_run(struct xdp_bpf *w)
{
	int failed = 0;

	for (int i = 0; i < 2 * 2 * 3 * 3; i++)
		failed += one_way(w, i & 1, i >> 1 & 1, (uint8_t)(i / 4 % 3), (uint8_t)(i / 12));
	return failed;
}

/* clang-format off */
static void bad_payload_length(struct frame *f) { f->b[18] = 0x7f; }
static void version_4(struct frame *f) { f->b[14] = 0x40; }
static void mapped_source(struct frame *f) { memset(f->b + 22, 0, 10); f->b[32] = f->b[33] = 0xff; }
static void ext_beyond(struct frame *f) { f->b[55] = 200; }
static void ext_cuts_tcp(struct frame *f) { f->b[18] = 0; f->b[19] = 12; }
static void third_tag(struct frame *f) { f->b[20] = 0x81; f->b[21] = 0; }

static void age_2(struct lb_flow *f) { f->seen -= 2 * 250; }
static void two_seconds(struct xdp_bpf *w) { world_each_flow(w, age_2); }
static void other_source(struct xdp_bpf *w) { world_move_source(w, 1, "198.18.1.2"); }
static void third_source(struct xdp_bpf *w) { world_move_source(w, 1, "198.18.1.3"); }

#define OTHER6 { .proto = 6, .src = CLI6, .dst = "fd00::99", .sport = 1, .dport = 80, .flags = F_SYN }
#define SYN6 TCP6_IN(F_SYN)
#define BAD6(why, how) { { .in = SYN6, .mangle = how, .verdict = XDP_DROP, .reason = LB_R_##why } }

const struct packet_case case_family[] = {
	{ "IPv6 handshake, data, close",
	  { SENT(SYN6, TCP6_OUT(F_SYN)), REPLIED(TCP6_BACK(F_SYN | F_ACK), TCP6_HOME(F_SYN | F_ACK)), SENT(TCP6_IN(F_ACK), TCP6_OUT(F_ACK)),
	    SENT(TCP6_IN(F_FIN | F_ACK), TCP6_OUT(F_FIN | F_ACK)), REPLIED(TCP6_BACK(F_RST), TCP6_HOME(F_RST)) } },
	{ "IPv6: ACK without a flow", { DROPPED(no_flow, TCP6_IN(F_ACK)) } },
	{ "IPv6: another address", { PASSED(not_ours, OTHER6) } },
	{ "IPv6: ICMPv6 to another address", { PASSED(not_ours, { .proto = 58, .src = CLI6, .dst = "fd00::99" }) } },
	{ "IPv6: another port", { PASSED(not_ours, TO_VIP6(6, 8443, .flags = F_SYN)) } },
	{ "IPv6: odd payload", { SENT(TCP6_IN(F_SYN, .payload = 7), TCP6_OUT(F_SYN, .payload = 7)) } },
	{ "IPv6: padded", { SENT_TX(UDP6_IN(.pad = 8), UDP6_OUT(.pad = 8)) } },
	{ "IPv6: hop limit 1", { PASSED(ttl_exceeded, TCP6_IN(F_SYN, .ttl = 1)) } },
	{ "IPv6: hop limit 2 leaves as 1", { SENT(TCP6_IN(F_SYN, .ttl = 2), TCP6_OUT(F_SYN, .ttl = 1)) } },
	{ "IPv6: exactly the MTU", { SENT(TCP6_IN(F_SYN, .payload = 1440), TCP6_OUT(F_SYN, .payload = 1440)) } },

	{ "hop-by-hop options", EXT("h") },
	{ "destination options", EXT("d") },
	{ "routing header without segments left", EXT("r") },
	{ "fragment header of a whole packet", EXT("f") },
	{ "six extension headers", EXT("hddrfd") },
	{ "256 bytes of extension headers", EXT("DD") },
	{ "seven extension headers", { DROPPED(bad_header, TCP6_IN(F_SYN, .ext = "hdddddd")) } },
	{ "264 bytes of extension headers", { DROPPED(bad_header, TCP6_IN(F_SYN, .ext = "DDd")) } },
	{ "routing header with a segment left", { DROPPED(bad_header, TCP6_IN(F_SYN, .ext = "R")) } },
	{ "first fragment to an IPv6 VIP", EXT("F") },
	{ "first fragment behind options", EXT("hdF") },
	{ "fragment to another IPv6 address",
	  { PASSED(not_ours, { .proto = 6, .src = CLI6, .dst = "fd00::99", .dport = 80, .ext = "F" }) } },
	{ "extension header beyond the packet",
	  { { .in = TCP6_IN(F_SYN, .ext = "d"), .mangle = ext_beyond, .verdict = XDP_DROP, .reason = LB_R_bad_header } } },
	{ "payload ends in the TCP header behind an extension header",
	  { { .in = TCP6_IN(F_SYN, .ext = "d"), .mangle = ext_cuts_tcp, .verdict = XDP_DROP, .reason = LB_R_truncated } } },
	{ "payload length beyond the frame", BAD6(bad_header, bad_payload_length) },
	{ "version 4 in an IPv6 frame", BAD6(bad_header, version_4) },
	{ "IPv4-mapped source", { { .in = SYN6, .mangle = mapped_source, .verdict = XDP_PASS, .reason = LB_R_malformed } } },
	{ "cut in the IPv6 header", { { .in = SYN6, .cut = 50, .verdict = XDP_PASS, .reason = LB_R_malformed } } },
	{ "cut behind the IPv6 header", { { .in = SYN6, .cut = 54, .verdict = XDP_DROP, .reason = LB_R_bad_header } } },

	{ "three tags", { { .in = TO_VIP(6, 80, .flags = F_SYN, .tags = 2), .mangle = third_tag, .verdict = XDP_PASS, .reason = LB_R_vlan } } },
	{ "tagged, another address",
	  { PASSED(not_ours, { .proto = 6, .src = CLI, .dst = "198.18.0.99", .dport = 80, .flags = F_SYN, .tags = 1 }) } },
	{ "client changes its VLAN: answers follow within a second",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TO_VIP(6, 80, .flags = F_ACK, .tags = 1), .out = TCP_OUT(F_ACK), .before = two_seconds,
	      .verdict = XDP_REDIRECT, .reason = LB_R_forwarded },
	    REPLIED(TCP_BACK(F_ACK), TO_CLIENT(6, 80, .flags = F_ACK, .tags = 1)) } },

	{ "our address changes: the connection keeps the old one",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .before = other_source, .verdict = XDP_REDIRECT, .reason = LB_R_forwarded },
	    REPLIED(TCP_BACK(F_ACK), TCP_HOME(F_ACK)) } },
	{ "our address changes: a new connection gets the new one",
	  { { .in = TCP_IN(F_SYN), .out = { .proto = 6, .src = "198.18.1.2", .dst = "198.18.1.11", .sport = SNAT_PORT, .dport = 8080,
					    .flags = F_SYN, .ttl = 63, .from = LB, .to = BACKEND_MAC },
	      .before = other_source, .verdict = XDP_REDIRECT, .reason = LB_R_forwarded } } },
	{ "our address changes twice: the connection is over",
	  { SENT(TCP_IN(F_SYN), TCP_OUT(F_SYN)),
	    { .in = TCP_IN(F_ACK), .out = TCP_OUT(F_ACK), .before = other_source, .verdict = XDP_REDIRECT, .reason = LB_R_forwarded },
	    { .in = TCP_IN(F_ACK), .before = third_source, .verdict = XDP_DROP, .reason = LB_R_no_flow },
	    PASSED(not_ours, TCP_BACK(F_ACK)) } },
	{ NULL },
};
/* clang-format on */
