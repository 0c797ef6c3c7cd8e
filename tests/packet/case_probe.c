/* One packet each of what load balancers are known to get wrong: answered, dropped under its own reason, sent to the
 * right backend, or left alone. Service 1 by ipip; its rows belong to backend 3, the connection of the client's port
 * 40000 began with backend 1. And frames of several buffers, whose end no pointer of the program reaches. */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define ETH	     14
#define BEGAN	     1
#define TODAY	     3
#define NONE	     0
#define ROUTER	     "198.18.9.9"
#define NO_VIP	     "198.18.0.99"
#define NEW_PORT     41000
#define DF	     0x4000
#define MORE	     0x2000
#define FRAG_NEEDED  0x0304
#define TIME_IS_OVER 0x0b00
#define PING	     0x0800
#define JUMBO	     9000

static int failed;

static void fail(const char *name, const char *what)
{
	printf("FAIL probe, %s: %s\n", name, what);
	failed++;
}

struct probe {
	const char *name;
	struct shape in;
	void (*mangle)(struct frame *f);
	uint16_t quoted; /* an ICMP message, about so many bytes of the connection */
	uint16_t cut;
	enum lb_reason reason;
	uint32_t backend;
	bool (*look)(const struct frame *out); /* what else must be so */
};

static struct shape sent_by_vip(void)
{
	return (struct shape){ .proto = 6, .src = VIP, .dst = CLI, .sport = 80, .dport = 40000, .flags = F_ACK };
}

/* clang-format off */
static void length_plus_1(struct frame *f) { f->b[17]++; build_ip_checksum(f); }
static void wrong_sum(struct frame *f) { f->b[24] ^= 1; }
static void dscp(struct frame *f) { f->b[15] = 0xb8; build_ip_checksum(f); }
static void ends_in_tcp(struct frame *f) { f->b[16] = 0; f->b[17] = 39; build_ip_checksum(f); }

static bool outer_df(const struct frame *out) { return out->b[ETH + 9] == 4 && out->b[ETH + 6] & 0x40; }
static bool no_outer_df(const struct frame *out) { return out->b[ETH + 9] == 4 && !(out->b[ETH + 6] & 0x40); }
static bool outer_dscp(const struct frame *out) { return out->b[ETH + 9] == 4 && out->b[ETH + 1] == 0xb8; }
static bool untagged(const struct frame *out) { return out->b[12] == 8 && out->b[ETH + 9] == 4; }
static bool told_1480(const struct frame *out) { return out->b[ETH + 20] == 3 && out->b[ETH + 26] == 1480 >> 8 && out->b[ETH + 27] == (1480 & 0xff); }

#define NEW(...) { .proto = 6, .src = CLI, .dst = VIP, .sport = NEW_PORT, .dport = 80, .flags = F_SYN, __VA_ARGS__ }
#define ERROR(type) { .proto = 1, .src = ROUTER, .dst = VIP, .sport = type }
#define ELSEWHERE(...) { .proto = 6, .src = CLI, .dst = NO_VIP, .sport = NEW_PORT, .dport = 80, .flags = F_SYN, __VA_ARGS__ }
#define NEW6(...) { .proto = 6, .src = CLI6, .dst = VIP6, .sport = NEW_PORT, .dport = 80, .flags = F_SYN, __VA_ARGS__ }

static const struct probe probes[] = {
	{ "fragmentation needed, 28 bytes quoted", ERROR(FRAG_NEEDED), .quoted = 28, .reason = LB_R_icmp_forwarded, .backend = BEGAN },
	{ "fragmentation needed, 40 bytes quoted", ERROR(FRAG_NEEDED), .quoted = 40, .reason = LB_R_icmp_forwarded, .backend = BEGAN },
	{ "fragmentation needed, 27 bytes quoted", ERROR(FRAG_NEEDED), .quoted = 27, .reason = LB_R_not_ours },
	{ "time exceeded", ERROR(TIME_IS_OVER), .quoted = 28, .reason = LB_R_icmp_forwarded, .backend = BEGAN },
	{ "ping of the VIP", { .proto = 1, .src = CLI, .dst = VIP, .sport = PING }, .reason = LB_R_echoed },
	{ "ping of another address", { .proto = 1, .src = CLI, .dst = NO_VIP, .sport = PING }, .reason = LB_R_not_ours },
	{ "IP options", NEW(.options = 2), .reason = LB_R_forwarded, .backend = TODAY },
	{ "40 bytes of IP options", NEW(.options = 10), .reason = LB_R_forwarded, .backend = TODAY },
	{ "first fragment", NEW(.frag = MORE, .payload = 100), .reason = LB_R_forwarded, .backend = TODAY },
	{ "the later fragment", NEW(.frag = 15), .reason = LB_R_forwarded, .backend = TODAY },
	{ "fragment to another address", ELSEWHERE(.frag = MORE), .reason = LB_R_not_ours },
	{ "later fragment to another address", ELSEWHERE(.frag = 15), .reason = LB_R_not_ours },
	{ "IP options to another address", ELSEWHERE(.options = 2), .reason = LB_R_not_ours },
	{ "802.1Q", NEW(.tags = 1), .reason = LB_R_forwarded, .backend = TODAY, .look = untagged },
	{ "IPv6 hop-by-hop header", NEW6(.ext = "h"), .reason = LB_R_forwarded, .backend = 11 },
	{ "IPv6 first fragment", NEW6(.ext = "F"), .reason = LB_R_forwarded, .backend = 11 },
	{ "1,494 bytes, the most that fits", NEW(.frag = DF, .payload = 1440), .reason = LB_R_forwarded, .backend = TODAY },
	{ "1,514 bytes", NEW(.frag = DF, .payload = 1460), .reason = LB_R_too_big_told, .look = told_1480 },
	{ "1,515 bytes", NEW(.frag = DF, .payload = 1461), .reason = LB_R_too_big_told, .look = told_1480 },
	{ "1,514 bytes without DF", NEW(.payload = 1460), .reason = LB_R_too_big },
	{ "DF", NEW(.frag = DF), .reason = LB_R_forwarded, .backend = TODAY, .look = outer_df },
	{ "no DF", NEW(), .reason = LB_R_forwarded, .backend = TODAY, .look = no_outer_df },
	{ "DSCP", NEW(), .mangle = dscp, .reason = LB_R_forwarded, .backend = TODAY, .look = outer_dscp },
	{ "IP length larger than the frame", NEW(), .mangle = length_plus_1, .reason = LB_R_bad_header },
	{ "IP length larger than the frame, elsewhere", ELSEWHERE(), .mangle = length_plus_1, .reason = LB_R_malformed },
	{ "wrong IP checksum", NEW(), .mangle = wrong_sum, .reason = LB_R_bad_checksum },
	{ "wrong IP checksum, a fragment", NEW(.frag = MORE), .mangle = wrong_sum, .reason = LB_R_bad_checksum },
	{ "wrong IP checksum, elsewhere", ELSEWHERE(), .mangle = wrong_sum, .reason = LB_R_not_ours },
	{ "SYN+FIN", NEW(.flags = F_SYN | F_FIN), .reason = LB_R_bad_flags },
	{ "the VIP as source", NEW(.src = VIP), .reason = LB_R_bad_source },
	{ "the VIP as source, IPv6", NEW6(.src = VIP6), .reason = LB_R_bad_source },
	{ "the VIP as source of a ping", { .proto = 1, .src = VIP, .dst = VIP, .sport = PING }, .reason = LB_R_bad_source },
	{ "IP packet ends in the TCP header", NEW(), .mangle = ends_in_tcp, .reason = LB_R_truncated },
	{ "frame ends in the TCP header", NEW(), .cut = 50, .reason = LB_R_bad_header },
	{ "port that is not served", NEW(.dport = 8443), .reason = LB_R_not_ours },
};
/* clang-format on */

static void make(const struct probe *t, struct frame *ret)
{
	if (t->quoted)
		icmp_message(ret, t->in, sent_by_vip(), t->quoted, 1300);
	else
		build(&t->in, ret);
	if (t->mangle)
		t->mangle(ret);
	if (t->cut)
		ret->n = t->cut;
}

static uint64_t packets_of(struct xdp_bpf *w, uint32_t backend)
{
	return backend ? world_backend_packets(w, backend) : 0;
}

static bool is_pass(enum lb_reason r)
{
	return r == LB_R_not_ours || r == LB_R_malformed;
}

static void run_one(struct xdp_bpf *w, const struct probe *t)
{
	uint64_t was[LB_R_COUNT], is[LB_R_COUNT], before = packets_of(w, t->backend);
	struct frame in, out;
	uint32_t verdict;

	make(t, &in);
	world_reasons(w, was);
	verdict = run_frame(w, &in, &out);
	world_reasons(w, is);
	if (is[t->reason] != was[t->reason] + 1)
		fail(t->name, reason_names[t->reason]);
	if (t->backend && packets_of(w, t->backend) != before + 1)
		fail(t->name, "another backend");
	if (is_pass(t->reason) && (verdict != XDP_PASS || out.n != in.n || memcmp(in.b, out.b, in.n) != 0))
		fail(t->name, "not left alone");
	if (t->look && !t->look(&out))
		fail(t->name, "what leaves");
}

static void start(struct xdp_bpf *w)
{
	struct shape syn = TCP_IN(F_SYN);
	struct frame f;

	world_reset(w);
	world_set_mode(w, BEGAN, LB_MODE_IPIP);
	world_set_mode(w, TODAY, LB_MODE_IPIP);
	world_address(w, VIP, LB_ADDRESS_ECHO);
	build(&syn, &f);
	run_frame(w, &f, &f);
	world_row_to(w, 1, TODAY);
}

/* ---- frames of several buffers ---- */

static void jumbo(struct xdp_bpf *w, uint8_t mode, struct shape in, struct shape out, size_t room)
{
	struct frame f, want, got;
	uint32_t id = in.proto == 6 ? 1 : 2;

	world_reset(w);
	world_set_mode(w, id, mode);
	world_backend_mtu(w, id, JUMBO);
	in.payload = out.payload = (uint16_t)(JUMBO - 20 - (in.proto == 6 ? 20 : 8) - room);
	build(&in, &f);
	build(&out, &want);
	if (run_frame(w, &f, &got) < XDP_TX || got.n != want.n + room ||
	    memcmp(got.b + ETH + room, want.b + ETH, want.n - ETH) != 0)
		fail("9,000 bytes", room ? "ipip" : "snat");
}

static void jumbo_too_big(struct xdp_bpf *w)
{
	struct shape s = TO_VIP(6, 80, .flags = F_SYN, .frag = DF, .payload = 8900);
	struct frame f, got;

	world_reset(w);
	build(&s, &f);
	if (run_frame(w, &f, &got) != XDP_TX || got.n != ETH + 532 || got.b[ETH + 20] != 3 || got.b[ETH + 21] != 4)
		fail("9,000 bytes where 1,500 fit", "the answer");
}

static void run_jumbo(struct xdp_bpf *w)
{
	struct shape tcp = TCP_IN(F_SYN), tcp_out = TCP_OUT(F_SYN), inside = tcp, udp = UDP_IN, udp_out = UDP_OUT;
	uint64_t was[LB_R_COUNT], is[LB_R_COUNT];
	struct frame f;

	inside.ttl = 63;
	jumbo(w, LB_MODE_SNAT, tcp, tcp_out, 0);
	jumbo(w, LB_MODE_SNAT, udp, udp_out, 0);
	jumbo(w, LB_MODE_IPIP, tcp, inside, 20);
	jumbo_too_big(w);
	tcp.payload = JUMBO;
	build(&tcp, &f);
	f.n -= 1;
	world_reasons(w, was);
	run_frame(w, &f, &f);
	world_reasons(w, is);
	if (is[LB_R_bad_header] != was[LB_R_bad_header] + 1)
		fail("9,000 bytes, the last one missing", "bad_header");
}

int probe_run(struct xdp_bpf *w)
{
	start(w);
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		run_one(w, &probes[i]);
	world_address_only(w, VIP, LB_ADDRESS_VIP);
	run_jumbo(w);
	return failed;
}
