/* Forwarding modes, byte for byte: what leaves for a backend of each, and that the decapsulator restores it; what does
 * not fit; ICMP errors. Expected frames are put together here, byte by byte. */
#include "case.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include "decap.skel.h"
#include "lb/service.h"

#define ETH	14
#define GUE_LOW 0xc0 /* high byte of the lowest source port */

static int failed;

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL mode, %s: %s\n", name, what);
	failed++;
}

/* Another IPv4 header before the packet, with UDP when port is not 0. */
static void wrap(struct frame *f, const char *to, uint16_t port, uint8_t tos, uint16_t frag)
{
	size_t room = port ? 28 : 20, inner = (size_t)(f->b[16] << 8 | f->b[17]);
	uint8_t *o = f->b + ETH;

	memmove(o + room, o, f->n - ETH);
	f->n += room;
	memset(o, 0, room);
	o[0] = 0x45;
	o[1] = tos;
	build_put16(o + 2, inner + room);
	memcpy(o + 4, o + room + 4, 2);
	build_put16(o + 6, frag);
	o[8] = 64;
	o[9] = port ? 17 : 4;
	inet_pton(AF_INET, SNAT, o + 12);
	inet_pton(AF_INET, to, o + 16);
	build_put16(o + 10, build_sum(o, 20));
	if (!port)
		return;
	build_put16(o + 20, port);
	build_put16(o + 22, 6080);
	build_put16(o + 24, inner + 8);
}

/* What the decapsulator makes of f. */
static uint32_t unpack(struct decap_bpf *d, struct frame *f)
{
	struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->b, .data_size_in = (uint32_t)f->n, .data_out = out.b,
		    .data_size_out = sizeof(out.b), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(d->progs.sluice_decap), &o) < 0)
		return XDP_ABORTED;
	out.n = o.data_size_out;
	*f = out;
	return o.retval;
}

struct mode_case {
	const char *name;
	uint8_t mode, proto, flags, tos;
	uint16_t frag, payload;
};

static const struct mode_case cases[] = {
	{ "dsr tcp", LB_MODE_DSR, 6, F_SYN, 0, 0, 10 },
	{ "dsr udp", LB_MODE_DSR, 17, 0, 0, 0, 10 },
	{ "ipip tcp", LB_MODE_IPIP, 6, F_SYN, 0, 0, 10 },
	{ "ipip udp", LB_MODE_IPIP, 17, 0, 0, 0, 10 },
	{ "ipip tcp, DSCP and DF", LB_MODE_IPIP, 6, F_SYN, 0xb9, 0x4000, 10 },
	{ "ipip tcp without a flow goes by its row", LB_MODE_IPIP, 6, F_ACK, 0, 0, 10 },
	{ "ipip udp, as long as fits", LB_MODE_IPIP, 17, 0, 0, 0, 1500 - 20 - 28 },
	{ "gue tcp", LB_MODE_GUE, 6, F_SYN, 0, 0, 10 },
	{ "gue udp, DSCP and DF", LB_MODE_GUE, 17, 0, 0x28, 0x4000, 10 },
	{ "gue udp, as long as fits", LB_MODE_GUE, 17, 0, 0, 0, 1500 - 28 - 28 },
};

static void make(const struct mode_case *c, struct frame *ret, uint8_t ttl, enum who from, enum who to)
{
	struct shape s = TO_VIP(c->proto, c->proto == 6 ? 80 : 53, .flags = c->flags, .frag = c->frag,
				.payload = c->payload, .ttl = ttl, .from = from, .to = to);

	build(&s, ret);
	ret->b[ETH + 1] = c->tos;
	build_checksums(ret, false);
}

static void run_one(struct xdp_bpf *w, struct decap_bpf *d, const struct mode_case *c)
{
	bool tcp = c->proto == 6;
	struct frame in, plain, want, out;
	uint32_t verdict;

	world_reset(w);
	world_set_mode(w, tcp ? 1 : 2, c->mode);
	make(c, &in, 64, 0, 0);
	make(c, &plain, c->mode == LB_MODE_DSR ? 64 : 63, LB, BACKEND_MAC);
	verdict = run_frame(w, &in, &out);
	want = plain;
	if (c->mode != LB_MODE_DSR)
		wrap(&want, tcp ? "198.18.1.11" : "198.18.1.12",
		     c->mode == LB_MODE_GUE ? (uint16_t)(out.b[34] << 8 | out.b[35]) : 0, c->tos, c->frag);
	expect(verdict == (tcp ? XDP_REDIRECT : XDP_TX), c->name, "verdict");
	expect(build_same(&out, &want), c->name, "bytes");
	expect(c->mode != LB_MODE_GUE || out.b[34] >= GUE_LOW, c->name, "source port");
	expect(world_flows(w) == 1, c->name, "one entry");
	run_frame(w, &in, &out);
	expect(build_same(&out, &want), c->name, "second packet");
	if (c->mode == LB_MODE_DSR)
		return;
	expect(unpack(d, &out) == XDP_PASS && build_same(&out, &plain), c->name, "unpacked again");
}

/* Both directions, and a second VIP's flow of the same client to the same server. */
static void run_dnat(struct xdp_bpf *w)
{
	struct shape in = TCP_IN(F_SYN),
		     want = TO_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN, .src = CLI, .sport = 40000),
		     back = FROM_BACKEND(6, "198.18.1.11", 8080, .flags = F_SYN | F_ACK, .dst = CLI, .dport = 40000),
		     home = TCP_HOME(F_SYN | F_ACK);
	struct frame f, g, out;

	world_reset(w);
	world_set_mode(w, 1, LB_MODE_DNAT);
	world_address(w, "198.18.1.11", LB_ADDRESS_SERVER);
	build(&in, &f);
	build(&want, &g);
	expect(run_frame(w, &f, &out) == XDP_REDIRECT && build_same(&out, &g), "dnat tcp", "to the server");
	build(&back, &f);
	build(&home, &g);
	expect(run_frame(w, &f, &out) == XDP_TX && build_same(&out, &g), "dnat tcp", "to the client");
}

/* One byte more than fits: told when it may not be fragmented, else dropped. */
static void run_too_big(struct xdp_bpf *w, uint8_t mode, uint16_t room)
{
	struct mode_case c = { "too big", mode, 17, 0, 0, 0x4000, (uint16_t)(1500 - room - 28 + 1) };
	struct frame in, want = { .n = ETH + 28 + 504 }, out;
	uint8_t *p = want.b + ETH;

	world_reset(w);
	world_set_mode(w, 2, mode);
	make(&c, &in, 64, 0, 0);
	memcpy(want.b, in.b + 6, 6);
	memcpy(want.b + 6, in.b, 6);
	build_put16(want.b + 12, 0x0800);
	p[0] = 0x45;
	p[1] = 0xc0;
	build_put16(p + 2, 532);
	build_put16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = 1;
	memcpy(p + 12, in.b + ETH + 16, 4);
	memcpy(p + 16, in.b + ETH + 12, 4);
	build_put16(p + 10, build_sum(p, 20));
	p[20] = 3;
	p[21] = 4;
	build_put16(p + 26, 1500u - room);
	memcpy(p + 28, in.b + ETH, 504);
	build_put16(p + 22, build_sum(p + 20, 512));
	expect(run_frame(w, &in, &out) == XDP_TX && build_same(&out, &want), c.name, "the answer");
	c.frag = 0;
	make(&c, &in, 64, 0, 0);
	expect(run_frame(w, &in, &out) == XDP_DROP, c.name, "dropped without DF");
}

/* Fragmentation needed from a router, with 8 bytes quoted of a datagram src:sport → dst:dport whose UDP sum is given.
 */
static void error_about(struct frame *f, const char *from, const char *to, uint16_t sport, const char *dst,
			uint16_t dport, uint16_t check)
{
	struct shape s = { .proto = 1, .src = from, .dst = to, .payload = 28 };
	uint8_t *icmp = f->b + ETH + 20, *q = icmp + 8;

	build(&s, f);
	memset(icmp, 0, 36);
	icmp[0] = 3;
	icmp[1] = 4;
	build_put16(icmp + 6, 1300);
	q[0] = 0x45;
	build_put16(q + 2, 1400);
	q[8] = 60;
	q[9] = 17;
	inet_pton(AF_INET, to, q + 12);
	inet_pton(AF_INET, dst, q + 16);
	build_put16(q + 10, build_sum(q, 20));
	build_put16(q + 20, sport);
	build_put16(q + 22, dport);
	build_put16(q + 24, 1380);
	build_put16(q + 26, check);
	build_put16(icmp + 2, build_sum(icmp, 36));
	f->n = ETH + 56;
	build_put16(f->b + ETH + 2, 56);
	build_checksums(f, false);
}

static void run_error(struct xdp_bpf *w)
{
	struct shape in = UDP_IN;
	struct frame f, want, out;

	world_reset(w);
	world_set_mode(w, 2, LB_MODE_IPIP);
	error_about(&f, "198.18.9.9", VIP, 53, CLI, 40000, 0);
	want = f;
	want.b[ETH + 8] = 63;
	build_checksums(&want, false);
	memcpy(want.b, (uint8_t[]){ 2, 0, 0, 0, 0, BACKEND_MAC, 2, 0, 0, 0, 0, LB }, 12);
	wrap(&want, "198.18.1.12", 0, 0, 0);
	expect(run_frame(w, &f, &out) == XDP_TX && build_same(&out, &want), "icmp error, ipip", "by the row");

	world_reset(w);
	error_about(&f, "198.18.9.9", VIP, 53, CLI, 40000, 0);
	expect(run_frame(w, &f, &out) == XDP_DROP, "icmp error, snat", "nobody's");
	build(&in, &f);
	run_frame(w, &f, &out);
	error_about(&f, "198.18.9.9", VIP, 53, CLI, 40000, 0);
	error_about(&want, SNAT, "198.18.1.12", 5353, SNAT, SNAT_PORT, 0);
	want.b[ETH + 8] = 63;
	build_checksums(&want, false);
	memcpy(want.b, (uint8_t[]){ 2, 0, 0, 0, 0, BACKEND_MAC, 2, 0, 0, 0, 0, LB }, 12);
	expect(run_frame(w, &f, &out) == XDP_TX && build_same(&out, &want), "icmp error, snat", "translated");
	f.b[ETH + 20] = 8;
	expect(run_frame(w, &f, &out) == XDP_PASS, "echo request", "the stack's");
}

/* What the decapsulator must leave alone or refuse. */
static void run_decap(struct decap_bpf *d)
{
	struct mode_case c = { "decap", LB_MODE_IPIP, 6, F_ACK, 0, 0, 10 };
	struct frame f, was;

	make(&c, &f, 64, 0, 0);
	was = f;
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &was), "decap", "a plain packet");
	wrap(&f, "198.18.1.11", 0, 0, 0);
	inet_pton(AF_INET, "198.18.0.99", f.b + ETH + 36);
	was = f;
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &was), "decap", "another address inside");
	make(&c, &f, 64, 0, 0);
	wrap(&f, "198.18.1.11", 0, 0, 0);
	f.n -= 5;
	expect(unpack(d, &f) == XDP_DROP, "decap", "cut short");
	make(&c, &f, 64, 0, 0);
	wrap(&f, "198.18.1.11", 0, 3, 0);
	expect(unpack(d, &f) == XDP_DROP, "decap", "congestion nobody inside understands");
}

int mode_run(struct xdp_bpf *w)
{
	struct lb_addr vip = { .w = { 0, 0, htonl(0xffff), 0 } };
	struct decap_bpf *d = decap_bpf__open_and_load();
	uint32_t yes = 1;

	if (!d) {
		printf("FAIL the decapsulator does not load\n");
		return 1;
	}
	inet_pton(AF_INET, VIP, &vip.w[3]);
	bpf_map_update_elem(bpf_map__fd(d->maps.local_vips), &vip, &yes, BPF_ANY);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_one(w, d, &cases[i]);
	run_dnat(w);
	run_too_big(w, LB_MODE_IPIP, 20);
	run_too_big(w, LB_MODE_GUE, 28);
	run_too_big(w, LB_MODE_SNAT, 0);
	run_error(w);
	run_decap(d);
	decap_bpf__destroy(d);
	return failed;
}
