/* QUIC packets that carry a server id in their destination connection id go to that server, whatever their addresses;
 * all others by their row. Service 2 (UDP 53) has rows of backend 2, and backend 6 is called "AB". */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define PAYLOAD_AT (14 + 20 + 8)

enum header { SHORT, LONG };

static int failed;

struct quic_case {
	const char *name;
	enum header header;
	uint8_t config; /* in the id's first three bits */
	const char *id; /* the server's, behind the first octet */
	uint8_t length; /* of the connection id, as a long header says it */
	int to;
};

static const struct quic_case cases[] = {
	{ "short header", SHORT, 3, "AB", 0, 6 },
	{ "short header, an id that nobody has", SHORT, 3, "AC", 0, 2 },
	{ "short header, another configuration", SHORT, 2, "AB", 0, 2 },
	{ "long header", LONG, 3, "AB", 8, 6 },
	{ "long header, the shortest id", LONG, 3, "AB", 3, 6 },
	{ "long header, an id too short for a server's", LONG, 3, "AB", 2, 2 },
	{ "long header, no id", LONG, 3, "AB", 0, 2 },
	{ "long header, a client's own id", LONG, 7, "xy", 8, 2 },
};

/* A datagram of 60 bytes of payload; port and address are the client's. */
static void make(struct frame *f, const struct quic_case *c, uint16_t port, const char *client)
{
	struct shape s = TO_VIP(17, 53, .payload = 60, .sport = port);
	uint8_t *p, *id;

	s.src = client;
	build(&s, f);
	p = f->b + PAYLOAD_AT;
	p[0] = c->header == LONG ? 0xc0 : 0x40;
	if (c->header == LONG)
		memcpy(p + 1, (const uint8_t[]){ 0, 0, 0, 1, c->length }, 5);
	id = p + (c->header == LONG ? 6 : 1);
	id[0] = (uint8_t)(c->config << 5 | 0x11);
	memcpy(id + 1, c->id, 2);
	id[3] = 'Z'; /* the nonce begins */
	build_checksums(f, false);
}

static int goes_to(struct xdp_bpf *w, struct frame *f)
{
	uint64_t before[2] = { world_backend_packets(w, 2), world_backend_packets(w, 6) };

	run_frame(w, f, f);
	if (world_backend_packets(w, 6) != before[1])
		return 6;
	return world_backend_packets(w, 2) != before[0] ? 2 : -1;
}

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL quic, %s: %s\n", name, what);
	failed++;
}

static void start(struct xdp_bpf *w, uint8_t mode, uint8_t rules)
{
	world_reset(w);
	world_set_mode(w, 2, mode);
	world_set_mode(w, 6, mode);
	world_vip(w, VIP, 53, 17, 2, rules | LB_RULE_QUIC);
	world_quic(w, 2, 2, 3);
	world_quic_id(w, 2, "AB", 6);
}

static void ids_name_servers(struct xdp_bpf *w, const char *mode_name, uint8_t mode, uint8_t rules)
{
	struct frame f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(w, mode, rules);
		make(&f, &cases[i], 4000, CLI);
		expect(goes_to(w, &f) == cases[i].to, cases[i].name, mode_name);
		if (!rules)
			expect(world_flows(w) == 0, cases[i].name, "no entry is made");
	}
}

/* A client that changed its address and port has no flow, but an id. */
static void clients_may_move(struct xdp_bpf *w)
{
	struct frame f;

	start(w, LB_MODE_SNAT, LB_RULE_TRACK);
	make(&f, &cases[0], 4000, CLI);
	expect(goes_to(w, &f) == 6, "snat", "by the id");
	world_reset_flows(w); /* there is one source port in this world */
	make(&f, &cases[0], 5000, "198.18.0.101");
	expect(goes_to(w, &f) == 6, "snat", "from elsewhere by the id");
	make(&f, &cases[7], 5000, "198.18.0.101");
	expect(goes_to(w, &f) == 6, "snat", "a flow that is known stays");
}

static void short_packets_and_strange_owners(struct xdp_bpf *w)
{
	struct shape tiny = TO_VIP(17, 53, .payload = 3);
	struct frame f;

	start(w, LB_MODE_DSR, 0);
	build(&tiny, &f);
	expect(goes_to(w, &f) == 2, "three bytes", "go by their row");
	world_quic_id(w, 2, "AB", 1); /* a backend of service 1 */
	make(&f, &cases[0], 4000, CLI);
	expect(goes_to(w, &f) == 2, "an id of another service's server", "goes by its row");
	world_quic_id(w, 2, "AB", 6);
	world_set_flags(w, 6, LB_BACKEND_NEXTHOP);
	make(&f, &cases[0], 4000, CLI);
	expect(goes_to(w, &f) == 6, "a server that is drained", "keeps its connections");
}

int quic_run(struct xdp_bpf *w)
{
	failed = 0;
	ids_name_servers(w, "dsr", LB_MODE_DSR, 0);
	ids_name_servers(w, "ipip", LB_MODE_IPIP, 0);
	ids_name_servers(w, "snat", LB_MODE_SNAT, LB_RULE_TRACK);
	ids_name_servers(w, "gue, all tracked", LB_MODE_GUE, LB_RULE_TRACK);
	clients_may_move(w);
	short_packets_and_strange_owners(w);
	return failed;
}
