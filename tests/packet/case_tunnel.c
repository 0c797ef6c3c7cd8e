/* Tunnels between families, byte for byte: IPv4 and IPv6 packets inside outer headers of IPv4 and IPv6, by ipip and
 * gue; the decapsulator restores them. Outer headers are put together here from the RFCs, sums in full. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include "case.h"
#include "decap.skel.h"

#define ETH	 14
#define SERVER	 "198.18.1.77"
#define SERVER6	 "fd00:1::77"
#define CE	 3
#define NEXT_IP	 4
#define NEXT_IP6 41
#define NEXT_UDP 17

static int failed;

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL tunnel, %s: %s\n", name, what);
	failed++;
}

struct tunnel {
	bool holds_6; /* the packet inside is IPv6 */
	bool six;     /* the outer header is */
	bool gue;
	bool udp; /* inside */
	uint8_t tos;
};

/* RFC 791. Identification and DF are those of an IPv4 packet inside. */
static void outer4(const struct tunnel *t, uint8_t *o, size_t len, size_t room, uint8_t next)
{
	const uint8_t *in = o + room;

	o[0] = 0x45;
	o[1] = t->tos;
	build_put16(o + 2, len);
	if (t->holds_6)
		o[6] = 0x40;
	else
		memcpy(o + 4, in + 4, 2);
	o[8] = 64;
	o[9] = next;
	inet_pton(AF_INET, SNAT, o + 12);
	inet_pton(AF_INET, SERVER, o + 16);
	build_put16(o + 10, build_sum(o, 20));
}

/* RFC 8200. The flow label is taken from the frame under test, as the source port is: both come from the hash. */
static void outer6(const struct tunnel *t, uint8_t *o, size_t len, uint8_t next, const uint8_t *seen)
{
	o[0] = (uint8_t)(0x60 | t->tos >> 4);
	o[1] = (uint8_t)(t->tos << 4 | (seen[1] & 15));
	memcpy(o + 2, seen + 2, 2);
	build_put16(o + 4, len - 40);
	o[6] = next;
	o[7] = 64;
	inet_pton(AF_INET6, SNAT6, o + 8);
	inet_pton(AF_INET6, SERVER6, o + 24);
}

/* Wraps f as t says. seen: the outer header of the frame under test. */
static void wrap(const struct tunnel *t, struct frame *f, const uint8_t *seen)
{
	size_t ip = t->six ? 40 : 20, room = ip + (t->gue ? 8 : 0), len = f->n - ETH + room;
	uint8_t *o = f->b + ETH, next = t->gue ? NEXT_UDP : t->holds_6 ? NEXT_IP6 : NEXT_IP;

	memmove(o + room, o, f->n - ETH);
	f->n += room;
	memset(o, 0, room);
	build_put16(f->b + 12, t->six ? 0x86dd : 0x0800);
	if (t->six)
		outer6(t, o, len, next, seen);
	else
		outer4(t, o, len, room, next);
	if (!t->gue)
		return;
	memcpy(o + ip, seen + ip, 2);
	build_put16(o + ip + 2, 6080);
	build_put16(o + ip + 4, len - ip);
}

static void set_tos(const struct tunnel *t, struct frame *f)
{
	if (t->holds_6) {
		f->b[ETH] = (uint8_t)(0x60 | t->tos >> 4);
		f->b[ETH + 1] = (uint8_t)(t->tos << 4);
	} else {
		f->b[ETH + 1] = t->tos;
	}
	build_checksums(f, false);
}

static struct shape inner(const struct tunnel *t)
{
	return (struct shape){ .proto = t->udp ? 17 : 6,
			       .src = t->holds_6 ? CLI6 : CLI,
			       .dst = t->holds_6 ? VIP6 : VIP,
			       .sport = 40000,
			       .dport = t->udp ? 53 : 80,
			       .flags = F_SYN,
			       .payload = 101 };
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

static void name_of(const struct tunnel *t, char *ret, size_t n)
{
	snprintf(ret, n, "IPv%d %s in IPv%d by %s, class %02x", t->holds_6 ? 6 : 4, t->udp ? "UDP" : "TCP",
		 t->six ? 6 : 4, t->gue ? "gue" : "ipip", t->tos);
}

static void run_one(struct xdp_bpf *w, struct decap_bpf *d, const struct tunnel *t)
{
	uint32_t id = (t->holds_6 ? 11u : 1u) + t->udp;
	struct frame in, plain, want, out;
	struct shape s = inner(t);
	char name[64];

	name_of(t, name, sizeof(name));
	world_reset(w);
	world_set_mode(w, id, t->gue ? LB_MODE_GUE : LB_MODE_IPIP);
	world_backend_at(w, id, t->six ? SERVER6 : SERVER, t->six ? SNAT6 : SNAT);
	build(&s, &in);
	set_tos(t, &in);
	s.ttl = 63;
	s.from = LB;
	s.to = BACKEND_MAC;
	build(&s, &plain);
	set_tos(t, &plain);
	expect(run_frame(w, &in, &out) == (t->udp ? XDP_TX : XDP_REDIRECT), name, "verdict");
	want = plain;
	wrap(t, &want, out.b + ETH);
	expect(build_same(&out, &want), name, "bytes");
	expect(unpack(d, &out) == XDP_PASS && build_same(&out, &plain), name, "unpacked");
}

/* Variant 0 of GUE, with n 4-byte words of optional fields; and marks of congestion. */
static void run_variants(struct decap_bpf *d, const struct tunnel *t, uint8_t words)
{
	size_t ip = t->six ? 40 : 20, more = 4 + words * 4u;
	const uint8_t zero[48] = { 0 };
	struct shape s = inner(t);
	struct frame f, plain;
	uint8_t *at = f.b + ETH + ip + 8;

	build(&s, &plain);
	f = plain;
	wrap(t, &f, zero);
	memmove(at + more, at, f.n - (size_t)(at - f.b));
	memset(at, 0, more);
	f.n += more;
	at[0] = words;
	at[1] = t->holds_6 ? NEXT_IP6 : NEXT_IP;
	build_put16(f.b + ETH + (t->six ? 4 : 2), f.n - ETH - (t->six ? 40 : 0));
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &plain), "gue, variant 0", "unpacked");
}

static void run_congestion(struct decap_bpf *d, struct tunnel t)
{
	const uint8_t zero[48] = { 0 };
	struct frame f, plain, marked;
	struct shape s = inner(&t);

	for (int able = 0; able < 2; able++) {
		t.tos = able ? 1 : 0;
		build(&s, &plain);
		set_tos(&t, &plain);
		t.tos = CE;
		marked = plain;
		set_tos(&t, &marked);
		f = plain;
		wrap(&t, &f, zero);
		if (able)
			expect(unpack(d, &f) == XDP_PASS && build_same(&f, &marked), "congestion outside",
			       "carried inwards");
		else
			expect(unpack(d, &f) == XDP_DROP, "congestion outside", "nobody inside understands");
	}
}

/* A frame of several buffers. */
static void run_jumbo(struct decap_bpf *d, const struct tunnel *t, uint16_t pad)
{
	const uint8_t zero[48] = { 0 };
	struct shape s = inner(t);
	struct frame f, plain;

	s.payload = 8800;
	build(&s, &plain);
	f = plain;
	wrap(t, &f, zero);
	f.n += pad;
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &plain), "9,000 bytes", "unpacked");
}

/* What is broken, or not for an address of this host. */
static void run_refusals(struct decap_bpf *d, const struct tunnel *t)
{
	size_t ip = t->six ? 40 : 20;
	const uint8_t zero[48] = { 0 };
	struct shape s = inner(t);
	struct frame f, was;

	build(&s, &f);
	was = f;
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &was), "a plain packet", "untouched");
	wrap(t, &f, zero);
	was = f;
	f.n--;
	expect(unpack(d, &f) == XDP_DROP, "cut short", "dropped");
	f = was;
	f.b[ETH + ip + (t->holds_6 ? 5 : 3)]++;
	expect(unpack(d, &f) == XDP_DROP, "longer inside than outside", "dropped");
	f = was;
	f.b[ETH + ip + (t->holds_6 ? 39 : 19)] ^= 1;
	was = f;
	expect(unpack(d, &f) == XDP_PASS && build_same(&f, &was), "another address inside", "untouched");
}

static void open_for(struct decap_bpf *d)
{
	struct lb_addr vip = { .w = { 0, 0, htonl(0xffff), 0 } }, vip6;
	uint32_t yes = 1;

	inet_pton(AF_INET, VIP, &vip.w[3]);
	inet_pton(AF_INET6, VIP6, &vip6);
	bpf_map_update_elem(bpf_map__fd(d->maps.local_vips), &vip, &yes, BPF_ANY);
	bpf_map_update_elem(bpf_map__fd(d->maps.local_vips), &vip6, &yes, BPF_ANY);
}

int tunnel_run(struct xdp_bpf *w)
{
	struct decap_bpf *d = decap_bpf__open_and_load();

	if (!d) {
		printf("FAIL the decapsulator does not load\n");
		return 1;
	}
	open_for(d);
	for (int i = 0; i < 32; i++) {
		struct tunnel t = { i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3 & 1, i >> 4 & 1 ? 0xb9 : 0 };

		run_one(w, d, &t);
	}
	for (int i = 0; i < 4; i++) {
		struct tunnel ipip = { .holds_6 = i & 1, .six = i >> 1 & 1 }, gue = ipip;

		gue.gue = true;
		run_variants(d, &gue, 0);
		run_variants(d, &gue, 3);
		run_congestion(d, ipip);
		run_refusals(d, &ipip);
		run_jumbo(d, &ipip, 0);
		run_jumbo(d, &ipip, 9);
	}
	decap_bpf__destroy(d);
	return failed;
}
