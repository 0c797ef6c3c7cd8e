/* Fragments: a whole packet is cut into three, each is sent through the program, and what leaves must be the pieces of
 * the whole packet as it would have left, byte for byte: so the first one's checksum is right for the whole. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include "case.h"
#include "lb/fragment.h"

#define ETH		14
#define PIECES		3
#define STEP		200 /* bytes of a piece, but for the last */
#define WHOLE		(2 * STEP + 100)
#define PORT_ANY(proto) (proto | LB_PORT_ANY)

static int failed;

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL fragment, %s: %s\n", name, what);
	failed++;
}

/* Piece i of the whole, identified by id. */
static void cut4(const struct frame *whole, int i, uint16_t id, struct frame *ret)
{
	size_t at = (size_t)i * STEP, n = whole->n - ETH - 20;
	uint8_t *ip = ret->b + ETH;

	n = i == PIECES - 1 ? n - at : STEP;
	memcpy(ret->b, whole->b, ETH + 20);
	memcpy(ip + 20, whole->b + ETH + 20 + at, n);
	build_put16(ip + 2, 20 + n);
	build_put16(ip + 4, id);
	build_put16(ip + 6, (i == PIECES - 1 ? 0 : 0x2000) | at / 8);
	ret->n = ETH + 20 + n;
	build_ip_checksum(ret);
}

static void cut6(const struct frame *whole, int i, uint16_t id, struct frame *ret)
{
	size_t at = (size_t)i * STEP, n = whole->n - ETH - 40;
	uint8_t *ip = ret->b + ETH, *header = ip + 40;

	n = i == PIECES - 1 ? n - at : STEP;
	memcpy(ret->b, whole->b, ETH + 40);
	memset(header, 0, 8);
	header[0] = ip[6];
	build_put16(header + 2, at | (i == PIECES - 1 ? 0 : 1));
	build_put16(header + 4, 0xbeef);
	build_put16(header + 6, id);
	memcpy(header + 8, whole->b + ETH + 40 + at, n);
	build_put16(ip + 4, 8 + n);
	ip[6] = 44;
	ret->n = ETH + 48 + n;
}

static void piece(struct shape s, int i, uint16_t id, struct frame *ret)
{
	struct frame whole;

	s.payload = (uint16_t)(WHOLE - (s.proto == 6 ? 20 : 8));
	build(&s, &whole);
	if (strchr(s.src, ':'))
		cut6(&whole, i, id, ret);
	else
		cut4(&whole, i, id, ret);
}

/* Sends piece i; the reason it ended with. */
static enum lb_reason send_piece(struct xdp_bpf *w, struct shape s, int i, uint16_t id, struct frame *ret_out,
				 uint32_t *ret_verdict)
{
	uint64_t was[LB_R_COUNT], is[LB_R_COUNT];
	struct frame f;

	piece(s, i, id, &f);
	world_reasons(w, was);
	*ret_verdict = run_frame(w, &f, ret_out);
	world_reasons(w, is);
	for (int r = 0; r < LB_R_COUNT; r++)
		if (is[r] != was[r])
			return (enum lb_reason)r;
	return LB_R_COUNT;
}

static enum lb_reason reason_of(struct xdp_bpf *w, struct shape s, int i, uint16_t id)
{
	struct frame out;
	uint32_t verdict;

	return send_piece(w, s, i, id, &out, &verdict);
}

/* All three pieces leave as those of the other packet do. */
static void travels(struct xdp_bpf *w, const char *name, struct shape in, struct shape out, uint16_t id,
		    enum lb_reason reason)
{
	struct frame got, want;
	uint32_t verdict;

	for (int i = 0; i < PIECES; i++) {
		piece(out, i, id, &want);
		expect(send_piece(w, in, i, id, &got, &verdict) == reason, name, "reason");
		expect(verdict == XDP_TX || verdict == XDP_REDIRECT, name, "verdict");
		expect(build_same(&got, &want), name, i ? "a later piece" : "the first piece");
	}
}

struct way {
	bool six, udp;
	uint8_t mode;
};

static uint32_t backend_of(const struct way *y)
{
	return (y->six ? 11u : 1u) + y->udp;
}

static const char *server_of(const struct way *y)
{
	static const char *const names[2][2] = { { "198.18.1.11", "198.18.1.12" }, { "fd00:1::11", "fd00:1::12" } };

	return names[y->six][y->udp];
}

static struct shape asked(const struct way *y)
{
	return (struct shape){ .proto = y->udp ? 17 : 6,
			       .src = y->six ? CLI6 : CLI,
			       .dst = y->six ? VIP6 : VIP,
			       .sport = 40000,
			       .dport = y->udp ? 53 : 80,
			       .flags = F_SYN };
}

/* As it leaves to the backend. */
static struct shape forwarded(const struct way *y)
{
	struct shape s = asked(y);

	s.from = LB;
	s.to = BACKEND_MAC;
	s.ttl = y->mode == LB_MODE_DSR ? 64 : 63;
	if (LB_MODE_DIRECT(y->mode))
		return s;
	s.dst = server_of(y);
	s.dport = y->udp ? 5353 : 8080;
	if (y->mode == LB_MODE_SNAT) {
		s.src = y->six ? SNAT6 : SNAT;
		s.sport = SNAT_PORT;
	}
	return s;
}

static void name_of(const struct way *y, char ret[64])
{
	static const char *const modes[] = { "snat", "dnat", "dsr", "ipip", "gue" };

	snprintf(ret, 64, "IPv%d %s by %s", y->six ? 6 : 4, y->udp ? "UDP" : "TCP", modes[y->mode]);
}

/* And back: the answer's pieces, under snat, come from the backend to our address. */
static void answers(struct xdp_bpf *w, const char *name, const struct way *y)
{
	struct shape out = forwarded(y), in = asked(y), back = out, home = in;

	back.src = out.dst;
	back.dst = out.src;
	back.sport = out.dport;
	back.dport = out.sport;
	back.ttl = 64;
	back.from = BACKEND_MAC;
	back.to = LB;
	home.src = in.dst;
	home.dst = in.src;
	home.sport = in.dport;
	home.dport = in.sport;
	home.ttl = 63;
	home.from = LB;
	home.to = CLIENT;
	travels(w, name, back, home, 77, LB_R_replied);
}

static void run_one(struct xdp_bpf *w, const struct way *y)
{
	uint64_t before[2], after[2];
	char name[64];

	name_of(y, name);
	world_reset(w);
	world_set_mode(w, backend_of(y), y->mode);
	if (y->mode == LB_MODE_DNAT)
		world_address(w, server_of(y), LB_ADDRESS_SERVER);
	world_traffic(w, backend_of(y), backend_of(y), before);
	travels(w, name, asked(y), forwarded(y), 1, LB_R_forwarded);
	world_traffic(w, backend_of(y), backend_of(y), after);
	expect(after[0] == before[0] + 1 && after[1] == before[1] + 1, name, "one flow");
	if (!LB_MODE_DIRECT(y->mode))
		answers(w, name, y);
}

/* Inside another header: what is inside are the pieces; the outer source port is the same for all. */
static void run_tunnel(struct xdp_bpf *w, const struct way *y)
{
	size_t room = (y->six ? 40u : 20u) + (y->mode == LB_MODE_GUE ? 8 : 0);
	struct frame got, want;
	uint32_t verdict;
	uint8_t port[PIECES][2];
	char name[64];

	name_of(y, name);
	world_reset(w);
	world_set_mode(w, backend_of(y), y->mode);
	for (int i = 0; i < PIECES; i++) {
		piece(forwarded(y), i, 1, &want);
		expect(send_piece(w, asked(y), i, 1, &got, &verdict) == LB_R_forwarded, name, "reason");
		expect(got.n == want.n + room && !memcmp(got.b + ETH + room, want.b + ETH, want.n - ETH), name,
		       "inside");
		memcpy(port[i], got.b + ETH + room - 8, 2);
	}
	if (y->mode == LB_MODE_GUE)
		expect(!memcmp(port[0], port[1], 2) && !memcmp(port[0], port[2], 2), name, "one source port");
}

/* ---- pieces whose first is missing ---- */

static void run_strays(struct xdp_bpf *w)
{
	struct way y = { false, true, LB_MODE_SNAT };
	struct shape s = asked(&y), icmp = { .proto = 1, .src = CLI, .dst = VIP };

	world_reset(w);
	expect(reason_of(w, s, 1, 5) == LB_R_fragment, "snat, no first", "dropped");
	expect(reason_of(w, s, 0, 5) == LB_R_forwarded, "snat, then the first", "goes");
	expect(reason_of(w, s, 1, 5) == LB_R_forwarded, "snat, then the same again", "goes");
	expect(reason_of(w, s, 1, 6) == LB_R_fragment, "another packet's", "dropped");
	world_set_mode(w, 2, LB_MODE_DSR);
	expect(reason_of(w, s, 1, 6) == LB_R_fragment, "dsr, several services", "dropped");
	world_vip(w, VIP, 0, PORT_ANY(17), 2, 0);
	expect(reason_of(w, s, 1, 6) == LB_R_forwarded, "dsr, the address's only service", "goes by addresses");
	world_set_mode(w, 2, LB_MODE_SNAT);
	expect(reason_of(w, s, 1, 6) == LB_R_fragment, "snat, the address's only service", "dropped");
	expect(reason_of(w, icmp, 0, 7) == LB_R_not_ours, "a long ping", "is the stack's");
	expect(reason_of(w, icmp, 1, 7) == LB_R_not_ours, "a long ping's end", "is the stack's");
	s.dst = SNAT;
	expect(reason_of(w, s, 1, 7) == LB_R_not_ours, "to our own address", "is the stack's");
}

/* A port of the VIP that is not balanced may be the host's own. */
static void run_unserved(struct xdp_bpf *w)
{
	struct shape s = { .proto = 17, .src = CLI, .dst = VIP, .sport = 40000, .dport = 5000 };

	world_reset(w);
	expect(reason_of(w, s, 0, 9) == LB_R_not_ours, "unserved port, the first", "is the stack's");
	expect(reason_of(w, s, 2, 9) == LB_R_not_ours, "unserved port, the last", "is the stack's");
}

/* ---- what the table remembers ---- */

static void age(struct xdp_bpf *w, uint32_t seconds)
{
	int fd = bpf_map__fd(w->maps.fragments);
	struct lb_fragment_bucket b;

	for (uint32_t i = 0; i < LB_FRAGMENT_BUCKETS; i++) {
		bpf_map_lookup_elem(fd, &i, &b);
		for (int way = 0; way < LB_FRAGMENT_WAYS; way++)
			b.way[way].flow.seen -= seconds * w->rodata->knob_jiffies_second;
		bpf_map_update_elem(fd, &i, &b, BPF_ANY);
	}
}

static void run_memory(struct xdp_bpf *w)
{
	struct way y = { false, true, LB_MODE_SNAT };
	struct shape s = asked(&y);
	struct frame f;

	world_reset(w);
	reason_of(w, s, 0, 20);
	age(w, LB_FRAGMENT_SECONDS - 2);
	expect(reason_of(w, s, 1, 20) == LB_R_forwarded, "28 seconds later", "goes");
	age(w, 4);
	expect(reason_of(w, s, 1, 20) == LB_R_fragment, "32 seconds later", "dropped");
	for (int id = 0; id < 0xffff; id++) {
		piece(s, 0, (uint16_t)id, &f);
		run_frame(w, &f, &f);
	}
	expect(reason_of(w, s, 2, 0xfffe) == LB_R_forwarded, "a full table", "has the latest");
	age(w, 5);
	reason_of(w, s, 0, 0xffff);
	expect(reason_of(w, s, 2, 0xffff) == LB_R_forwarded, "a full table of old ones", "has the latest");
	world_bump_gen(w, 2);
	expect(reason_of(w, s, 2, 0xffff) == LB_R_fragment, "the backend's id is another's", "dropped");
}

/* A first fragment that ends in the transport header says too little (RFC 1858). */
static void run_tiny(struct xdp_bpf *w)
{
	struct shape s = TO_VIP(6, 80, .flags = F_SYN);
	struct frame f, out;
	uint64_t was[LB_R_COUNT], is[LB_R_COUNT];

	world_reset(w);
	piece(s, 0, 30, &f);
	f.n = ETH + 20 + 16;
	build_put16(f.b + ETH + 2, 36);
	build_ip_checksum(&f);
	world_reasons(w, was);
	expect(run_frame(w, &f, &out) == XDP_DROP, "16 bytes of TCP", "dropped");
	world_reasons(w, is);
	expect(is[LB_R_truncated] == was[LB_R_truncated] + 1, "16 bytes of TCP", "truncated");
	expect(reason_of(w, s, 1, 30) == LB_R_fragment, "what follows 16 bytes of TCP", "dropped");
}

int fragment_run(struct xdp_bpf *w)
{
	for (int i = 0; i < 4 * 5; i++) {
		struct way y = { i & 1, i >> 1 & 1, (uint8_t)(i / 4) };

		if (y.mode < LB_MODE_IPIP)
			run_one(w, &y);
		else
			run_tunnel(w, &y);
	}
	run_strays(w);
	run_unserved(w);
	run_memory(w);
	run_tiny(w);
	return failed;
}
