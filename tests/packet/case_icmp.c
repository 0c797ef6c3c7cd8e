/* ICMP and ICMPv6, byte for byte: pings of VIPs, errors about what a VIP sent in every forwarding mode, and what we
 * tell senders ourselves. */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define ETH	    14
#define ECHO	    0x0800 /* type and code */
#define ECHO_REPLY  0x0000
#define ECHO6	    0x8000
#define ECHO6_REPLY 0x8100
#define ROUTER	    "198.18.9.9"
#define ROUTER6	    "fd00:9::9"
#define QUOTE	    504

static int failed;

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL icmp, %s: %s\n", name, what);
	failed++;
}

static bool counted(struct xdp_bpf *w, enum lb_reason reason, const uint64_t *before)
{
	uint64_t after[LB_R_COUNT];

	world_reasons(w, after);
	return after[reason] == before[reason] + 1;
}

static void sends(struct xdp_bpf *w, const char *name, const struct frame *in, const struct frame *want,
		  uint32_t verdict, enum lb_reason reason)
{
	uint64_t before[LB_R_COUNT];
	struct frame out;

	world_reasons(w, before);
	expect(run_frame(w, in, &out) == verdict, name, "verdict");
	expect(build_same(&out, want), name, "bytes");
	expect(counted(w, reason, before), name, reason_names[reason]);
}

/* ---- pings ---- */

static void ping(struct xdp_bpf *w, const char *name, struct shape s, uint16_t reply)
{
	struct shape back = s;
	struct frame in, want;

	back.src = s.dst;
	back.dst = s.src;
	back.sport = reply;
	back.ttl = 64;
	back.from = LB;
	back.to = CLIENT;
	build(&s, &in);
	build(&back, &want);
	sends(w, name, &in, &want, XDP_TX, LB_R_echoed);
}

static void passes(struct xdp_bpf *w, const char *name, struct shape s)
{
	struct frame in;

	build(&s, &in);
	sends(w, name, &in, &in, XDP_PASS, LB_R_not_ours);
}

#define PING(...)  ((struct shape){ .proto = 1, .src = CLI, .dst = VIP, .sport = ECHO, __VA_ARGS__ })
#define PING6(...) ((struct shape){ .proto = 58, .src = CLI6, .dst = VIP6, .sport = ECHO6, __VA_ARGS__ })

static void limit(struct xdp_bpf *w)
{
	struct shape s = PING();
	uint64_t before[LB_R_COUNT], after[LB_R_COUNT];
	struct frame in, out;

	build(&s, &in);
	world_reasons(w, before);
	for (int i = 0; i < 1000; i++)
		run_frame(w, &in, &out);
	world_reasons(w, after);
	expect(after[LB_R_echo_limited] - before[LB_R_echo_limited] > 500, "a thousand pings at once", "most are lost");
	expect(after[LB_R_echoed] - before[LB_R_echoed] + after[LB_R_echo_limited] - before[LB_R_echo_limited] == 1000,
	       "a thousand pings at once", "all are counted");
}

static void run_pings(struct xdp_bpf *w)
{
	world_reset(w);
	passes(w, "ping of a VIP that does not answer", PING());
	passes(w, "ping of an IPv6 VIP that does not answer", PING6());
	world_address(w, VIP, LB_ADDRESS_ECHO);
	world_address(w, VIP6, LB_ADDRESS_ECHO);
	ping(w, "ping", PING(), ECHO_REPLY);
	ping(w, "ping, 1,472 bytes", PING(.payload = 1472, .ttl = 3), ECHO_REPLY);
	ping(w, "ping with two tags", PING(.tags = 2), ECHO_REPLY);
	ping(w, "ping with TTL 1", PING(.ttl = 1), ECHO_REPLY);
	ping(w, "IPv6 ping", PING6(), ECHO6_REPLY);
	ping(w, "IPv6 ping, odd length, tagged", PING6(.payload = 1001, .tags = 1, .ttl = 255), ECHO6_REPLY);
	ping(w, "IPv6 ping behind destination options", PING6(.ext = "d"), ECHO6_REPLY);
	passes(w, "ping with options", PING(.options = 1));
	passes(w, "ping of another address", PING(.dst = "198.18.0.99"));
	passes(w, "IPv6 ping of another address", PING6(.dst = "fd00::99"));
	passes(w, "ping of our own address", PING(.dst = SNAT));
	passes(w, "an answer", PING(.sport = ECHO_REPLY));
	passes(w, "type 128 by IPv4", PING(.sport = ECHO6));
	limit(w);
	world_address_only(w, VIP, LB_ADDRESS_VIP);
	world_address_only(w, VIP6, LB_ADDRESS_VIP);
}

/* ---- errors of others ---- */

void icmp_message(struct frame *ret, struct shape outer, struct shape about, uint16_t quoted, uint16_t mtu)
{
	struct frame f;
	size_t at;

	build(&about, &f);
	outer.payload = quoted;
	build(&outer, ret);
	at = ret->n - quoted;
	memcpy(ret->b + at, f.b + ETH, quoted);
	memset(ret->b + at - 4, 0, 2);
	ret->b[at - 2] = (uint8_t)(mtu >> 8);
	ret->b[at - 1] = (uint8_t)mtu;
	build_checksums(ret, false);
}

struct error_case {
	const char *name;
	uint8_t mode;
	bool six, udp, no_csum;
	uint16_t quoted; /* bytes of the transport header, and what follows */
	uint16_t type;
};

static const struct error_case errors[] = {
	{ "snat, fragmentation needed, UDP", LB_MODE_SNAT, false, true, false, 8, 0x0304 },
	{ "snat, fragmentation needed, TCP", LB_MODE_SNAT, false, false, false, 8, 0x0304 },
	{ "snat, time exceeded, TCP", LB_MODE_SNAT, false, false, false, 8, 0x0b00 },
	{ "dnat, port unreachable, UDP", LB_MODE_DNAT, false, true, true, 18, 0x0303 },
	{ "snat, packet too big, UDP", LB_MODE_SNAT, true, true, false, 8, 0x0200 },
	{ "snat, packet too big, all of UDP", LB_MODE_SNAT, true, true, false, 18, 0x0200 },
	{ "snat, packet too big, TCP", LB_MODE_SNAT, true, false, false, 8, 0x0200 },
	{ "snat, time exceeded, IPv6 TCP", LB_MODE_SNAT, true, false, false, 8, 0x0300 },
	{ "dnat, packet too big, UDP", LB_MODE_DNAT, true, true, false, 18, 0x0200 },
	{ "dnat, unreachable, IPv6 TCP", LB_MODE_DNAT, true, false, false, 8, 0x0101 },
	{ "dsr, packet too big, UDP", LB_MODE_DSR, true, true, false, 8, 0x0200 },
	{ "dsr, packet too big, TCP", LB_MODE_DSR, true, false, false, 8, 0x0200 },
};

/* What goes through the flow, for it to be there. */
static void begin_flow(struct xdp_bpf *w, const struct error_case *c)
{
	struct shape s = { .proto = c->udp ? 17 : 6,
			   .src = c->six ? CLI6 : CLI,
			   .dst = c->six ? VIP6 : VIP,
			   .sport = 40000,
			   .dport = c->udp ? 53 : 80,
			   .flags = F_SYN };
	struct frame f;

	build(&s, &f);
	run_frame(w, &f, &f);
}

static uint32_t backend_of(const struct error_case *c)
{
	return (c->six ? 11u : 1u) + c->udp;
}

/* The packet that the router speaks of, as the VIP sent it; and as its backend did. */
static struct shape about_vip(const struct error_case *c)
{
	return (struct shape){ .proto = c->udp ? 17 : 6,
			       .src = c->six ? VIP6 : VIP,
			       .dst = c->six ? CLI6 : CLI,
			       .sport = c->udp ? 53 : 80,
			       .dport = 40000,
			       .flags = F_ACK,
			       .ttl = 60,
			       .no_udp_csum = c->no_csum };
}

static const char *server_of(const struct error_case *c)
{
	static const char *const names[2][2] = { { "198.18.1.11", "198.18.1.12" }, { "fd00:1::11", "fd00:1::12" } };

	return names[c->six][c->udp];
}

static struct shape about_server(const struct error_case *c)
{
	struct shape s = about_vip(c);
	const char *snat = c->six ? SNAT6 : SNAT;

	if (LB_MODE_DIRECT(c->mode))
		return s;
	s.src = server_of(c);
	s.sport = c->udp ? 5353 : 8080;
	s.dst = c->mode == LB_MODE_SNAT ? snat : s.dst;
	s.dport = c->mode == LB_MODE_SNAT ? SNAT_PORT : s.dport;
	return s;
}

static void run_one(struct xdp_bpf *w, const struct error_case *c)
{
	struct shape in = {
		.proto = c->six ? 58 : 1, .src = c->six ? ROUTER6 : ROUTER, .dst = c->six ? VIP6 : VIP, .sport = c->type
	};
	uint16_t quoted = (uint16_t)(c->quoted + (c->six ? 40 : 20));
	struct shape out = in;
	struct frame f, want;

	world_reset(w);
	world_set_mode(w, backend_of(c), c->mode);
	icmp_message(&f, in, about_vip(c), quoted, 1300);
	if (!LB_MODE_DIRECT(c->mode))
		sends(w, c->name, &f, &f, XDP_DROP, LB_R_icmp_unowned);
	begin_flow(w, c);
	out.from = LB;
	out.to = BACKEND_MAC;
	out.dst = LB_MODE_DIRECT(c->mode) ? in.dst : server_of(c);
	out.ttl = c->mode == LB_MODE_DSR ? 64 : 63;
	if (c->mode == LB_MODE_SNAT)
		out.src = c->six ? SNAT6 : SNAT;
	icmp_message(&want, out, about_server(c), quoted, 1300);
	sends(w, c->name, &f, &want, c->udp ? XDP_TX : XDP_REDIRECT, LB_R_icmp_forwarded);
}

/* ---- errors of our own ---- */

/* One byte more than fits into what an IPv6 service's mode leaves of the MTU. */
static void too_big6(struct xdp_bpf *w, uint8_t mode, uint16_t room)
{
	struct shape s = { .proto = 17,
			   .src = CLI6,
			   .dst = VIP6,
			   .sport = 40000,
			   .dport = 53,
			   .payload = (uint16_t)(MTU - room - 48 + 1) };
	struct shape told = { .proto = 58, .src = VIP6, .dst = CLI6, .sport = 0x0200, .from = LB, .to = CLIENT };
	uint32_t mtu = (uint32_t)(MTU - room);
	struct frame in, want;

	world_reset(w);
	world_set_mode(w, 12, mode);
	build(&s, &in);
	icmp_message(&want, told, s, QUOTE, (uint16_t)mtu);
	want.b[ETH] = 0x6c; /* class 0xc0 */
	memset(want.b + ETH + 1, 0, 3);
	memcpy(want.b + ETH + 48, in.b + ETH, QUOTE);
	build_checksums(&want, false);
	sends(w, "an IPv6 packet that does not fit", &in, &want, XDP_TX, LB_R_too_big_told);
	s.payload--;
	build(&s, &in);
	expect(run_frame(w, &in, &want) == XDP_TX && want.n >= in.n, "an IPv6 packet that just fits", "sent");
}

int icmp_run(struct xdp_bpf *w)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		run_one(w, &errors[i]);
	too_big6(w, LB_MODE_SNAT, 0);
	too_big6(w, LB_MODE_IPIP, 40);
	too_big6(w, LB_MODE_GUE, 48);
	run_pings(w);
	return failed;
}
