/* The guard: lists of prefixes and token buckets. The program is loaded anew for each set of knobs, since what is
 * switched off is not in it. Time stands still here: refilling a bucket is turning its clock back. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "case.h"
#include "lb/guard.h"
#include "lb/service.h"

#define STRANGER "198.18.0.200"
#define OTHER	 "198.18.9.9"
#define HOUR	 ((uint64_t)900000 << LB_TIME_SHIFT) /* at 250 jiffies in a second: no token comes back by itself */

static int failed;

static struct lb_prefix prefix(const char *text, uint32_t bits)
{
	struct lb_prefix p = { .bits = 96 + bits, .addr = { { 0, 0, htonl(0xffff), 0 } } };

	inet_pton(AF_INET, text, &p.addr.w[3]);
	return p;
}

struct entry {
	const char *text;
	uint32_t bits, word;
};

/* Ends with text NULL. */
static void install(struct xdp_bpf *w, const struct entry *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", sizeof(struct lb_prefix), 4, 16, &o);
	uint32_t zero = 0;

	for (; e->text; e++) {
		struct lb_prefix p = prefix(e->text, e->bits);

		bpf_map_update_elem(fd, &p, &e->word, BPF_ANY);
	}
	if (fd < 0 || bpf_map_update_elem(bpf_map__fd(w->maps.guard_prefixes), &zero, &fd, BPF_ANY) < 0) {
		printf("FAIL guard: the trie cannot be installed\n");
		failed++;
	}
	close(fd);
}

/* Sends it and says with which reason its walk ended. */
static enum lb_reason end_of(struct xdp_bpf *w, const struct shape *s)
{
	uint64_t before[LB_R_COUNT], after[LB_R_COUNT];
	struct frame f;

	build(s, &f);
	world_reasons(w, before);
	run_frame(w, &f, &f);
	world_reasons(w, after);
	for (int r = 0; r < LB_R_COUNT; r++)
		if (after[r] != before[r])
			return (enum lb_reason)r;
	return LB_R_COUNT;
}

static void expect(struct xdp_bpf *w, const char *what, struct shape s, enum lb_reason reason)
{
	enum lb_reason got = end_of(w, &s);

	if (got == reason)
		return;
	printf("FAIL guard: %s: reason %d, wanted %d\n", what, got, reason);
	failed++;
}

static struct shape from(const char *src, struct shape s)
{
	s.src = src;
	return s;
}

static struct shape port(uint16_t sport, struct shape s)
{
	s.sport = sport;
	return s;
}

/* A datagram to the VIP fd00::1 from src, and with which reason its walk ended. */
static enum lb_reason datagram6(struct xdp_bpf *w, const char *src)
{
	static const uint8_t head[] = { 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64 };
	static const uint8_t udp[] = { 0x9c, 0x40, 0, 53, 0, 8, 0x12, 0x34 };
	uint64_t before[LB_R_COUNT], after[LB_R_COUNT];
	struct frame f = { .n = 62 };

	memcpy(f.b, head, sizeof(head));
	inet_pton(AF_INET6, src, f.b + 22);
	inet_pton(AF_INET6, "fd00::1", f.b + 38);
	memcpy(f.b + 54, udp, sizeof(udp));
	world_reasons(w, before);
	run_frame(w, &f, &f);
	world_reasons(w, after);
	for (int r = 0; r < LB_R_COUNT; r++)
		if (after[r] != before[r])
			return (enum lb_reason)r;
	return LB_R_COUNT;
}

static void expect6(struct xdp_bpf *w, const char *what, const char *src, enum lb_reason reason)
{
	enum lb_reason got = datagram6(w, src);

	if (got == reason)
		return;
	printf("FAIL guard: IPv6, %s: reason %d, wanted %d\n", what, got, reason);
	failed++;
}

static void own_address6(struct xdp_bpf *w)
{
	world_address(w, "fd00::1", LB_ADDRESS_VIP);
}

#define SYN  ((struct shape)TCP_IN(F_SYN))
#define DATA ((struct shape)TCP_IN(F_ACK))
#define ASK  ((struct shape)UDP_IN)
#define TO_OTHER \
	((struct shape){ .proto = 6, .src = CLI, .dst = "198.18.0.77", .sport = 9, .dport = 80, .flags = F_SYN })
#define PING  ((struct shape){ .proto = 1, .src = CLI, .dst = VIP })
#define PIECE ((struct shape)TO_VIP(6, 80, .frag = 0x2000))

/* ---- lists ---- */

static void with_filter(struct xdp_bpf *w)
{
	w->rodata->knob_guard_prefixes = 1;
}

static void denied(struct xdp_bpf *w)
{
	static const struct entry one[] = { { CLI, 32, LB_SOURCE_DENIED }, { NULL } };
	static const struct entry nested[] = { { "198.18.0.0", 16, LB_SOURCE_DENIED },
					       { "198.18.0.128", 25, LB_SOURCE_PASS },
					       { STRANGER, 32, LB_SOURCE_DENIED },
					       { NULL } };
	static const struct entry none[] = { { NULL } };

	world_reset(w);
	expect(w, "no trie yet", SYN, LB_R_forwarded);
	install(w, one);
	expect(w, "denied, established flow", DATA, LB_R_denied);
	expect(w, "denied, new flow", port(7, SYN), LB_R_denied);
	expect(w, "denied, fragment", PIECE, LB_R_denied);
	expect(w, "denied, ICMP", PING, LB_R_denied);
	expect(w, "denied, to an address that is no VIP", TO_OTHER, LB_R_not_ours);
	expect(w, "its server's answer", (struct shape)TCP_BACK(F_ACK), LB_R_replied);
	expect(w, "its neighbour", from("198.18.0.101", DATA), LB_R_no_flow);
	install(w, nested);
	expect(w, "in the wider prefix", DATA, LB_R_denied);
	expect(w, "in the exception", from("198.18.0.129", DATA), LB_R_no_flow);
	expect(w, "in the exception's exception", from(STRANGER, DATA), LB_R_denied);
	expect(w, "outside", from("198.19.0.1", DATA), LB_R_no_flow);
	install(w, none);
	expect(w, "an empty trie", DATA, LB_R_forwarded);
}

static void allowed(struct xdp_bpf *w)
{
	static const struct entry list[] = { { "0.0.0.0", 0, LB_SOURCE_NOT_ALLOWED },
					     { CLI, 32, LB_SOURCE_PASS },
					     { NULL } };
	enum lb_reason before;
	struct shape ping = from(STRANGER, PING);

	world_reset(w);
	before = end_of(w, &ping);
	install(w, list);
	expect(w, "on the list", SYN, LB_R_forwarded);
	expect(w, "not on the list", from(STRANGER, SYN), LB_R_not_allowed);
	expect(w, "not on the list, UDP", from(STRANGER, ASK), LB_R_not_allowed);
	expect(w, "not on the list, ICMP as ever", ping, before);
	expect(w, "not on the list, to no VIP", from(STRANGER, TO_OTHER), LB_R_not_ours);
}

/* ---- limits ---- */

#define BURST 3

static void with_packets(struct xdp_bpf *w)
{
	w->rodata->knob_packet_cost = HOUR;
	w->rodata->knob_packet_room = (BURST - 1) * HOUR;
}

static void with_connections(struct xdp_bpf *w)
{
	w->rodata->knob_connection_cost = HOUR;
	w->rodata->knob_connection_room = (BURST - 1) * HOUR;
}

static struct lb_source_bucket get_sources(struct xdp_bpf *w)
{
	struct lb_source_bucket b = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(w->maps.sources), &zero, &b);
	return b;
}

static void put_sources(struct xdp_bpf *w, const struct lb_source_bucket *b)
{
	uint32_t zero = 0;

	bpf_map_update_elem(bpf_map__fd(w->maps.sources), &zero, b, BPF_ANY);
}

/* So many tokens come back to everybody. */
static void refill(struct xdp_bpf *w, uint64_t tokens)
{
	struct lb_source_bucket b = get_sources(w);

	for (int i = 0; i < LB_SOURCE_WAYS; i++) {
		b.way[i].packets -= b.way[i].packets ? tokens * HOUR : 0;
		b.way[i].connections -= b.way[i].connections ? tokens * HOUR : 0;
	}
	put_sources(w, &b);
}

static uint64_t untracked(struct xdp_bpf *w)
{
	uint64_t cells[1024] = { 0 }, sum = 0;
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(w->maps.guard_untracked), &zero, cells);
	for (size_t i = 0; i < 1024; i++)
		sum += cells[i];
	return sum;
}

static void packets(struct xdp_bpf *w)
{
	world_reset(w);
	expect(w, "first", SYN, LB_R_forwarded);
	for (int i = 1; i < BURST; i++)
		expect(w, "within the burst", DATA, LB_R_forwarded);
	expect(w, "beyond the burst", DATA, LB_R_rate_packets);
	expect(w, "and again", DATA, LB_R_rate_packets);
	expect(w, "fragments count", PIECE, LB_R_rate_packets);
	expect(w, "to no VIP", TO_OTHER, LB_R_not_ours);
	expect(w, "the server's answers", (struct shape)TCP_BACK(F_ACK), LB_R_replied);
	expect(w, "another source", from(OTHER, ASK), LB_R_forwarded);
	refill(w, 1);
	expect(w, "one token came back", DATA, LB_R_forwarded);
	expect(w, "only one", DATA, LB_R_rate_packets);
	refill(w, 100);
	for (int i = 0; i < BURST; i++)
		expect(w, "a full bucket again", DATA, LB_R_forwarded);
	expect(w, "never more than full", DATA, LB_R_rate_packets);
}

static void connections(struct xdp_bpf *w)
{
	world_reset(w);
	expect(w, "no flow and no SYN costs nothing", port(5, DATA), LB_R_no_flow);
	for (uint16_t i = 0; i < BURST; i++)
		expect(w, "within the burst", from(CLI, port((uint16_t)(40000 - i), i == 1 ? ASK : SYN)),
		       i == 2 ? LB_R_snat_ports_full : LB_R_forwarded); /* the world has one port per server */
	expect(w, "beyond the burst", port(9, SYN), LB_R_rate_connections);
	expect(w, "beyond the burst, UDP", port(9, ASK), LB_R_rate_connections);
	for (int i = 0; i < 3 * BURST; i++)
		expect(w, "the flow that is there goes on", DATA, LB_R_forwarded);
	expect(w, "its SYN again is no new connection", SYN, LB_R_forwarded);
	expect(w, "another source's takes its own token", from(OTHER, port(9, SYN)), LB_R_snat_ports_full);
	refill(w, 1);
	world_reset_flows(w);
	expect(w, "one token came back", port(9, SYN), LB_R_forwarded);
	expect(w, "only one", port(8, SYN), LB_R_rate_connections);
}

/* Nobody serves the port, so what is let through ends as not_ours. A host may use all of its /64. */
static void packets6(struct xdp_bpf *w)
{
	world_reset(w);
	own_address6(w);
	for (int i = 0; i < BURST; i++)
		expect6(w, "within the burst", "2001:db8::1", LB_R_not_ours);
	expect6(w, "beyond it", "2001:db8::1", LB_R_rate_packets);
	expect6(w, "the same /64", "2001:db8::ffff:198.18.0.1", LB_R_rate_packets);
	expect6(w, "another /64", "2001:db8:0:1::1", LB_R_not_ours);
	expect(w, "IPv4 beside it", SYN, LB_R_forwarded);
}

static void denied6(struct xdp_bpf *w)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", sizeof(struct lb_prefix), 4, 16, &o);
	struct lb_prefix p = { .bits = 32 };
	uint32_t zero = 0, word = LB_SOURCE_DENIED;

	world_reset(w);
	own_address6(w);
	inet_pton(AF_INET6, "2001:db8::", &p.addr);
	bpf_map_update_elem(fd, &p, &word, BPF_ANY);
	bpf_map_update_elem(bpf_map__fd(w->maps.guard_prefixes), &zero, &fd, BPF_ANY);
	close(fd);
	expect6(w, "denied", "2001:db8:9::1", LB_R_denied);
	expect6(w, "its neighbour", "2001:db9::1", LB_R_not_ours);
	expect(w, "IPv4 beside it", SYN, LB_R_forwarded);
}

/* One bucket of LB_SOURCE_WAYS sources: the next one is not limited, which is counted, until somebody's is full. */
static void crowded(struct xdp_bpf *w)
{
	char src[32];
	uint64_t before = untracked(w);
	struct lb_source_bucket empty = { 0 }, b;

	world_reset(w);
	put_sources(w, &empty);
	for (int i = 0; i < LB_SOURCE_WAYS; i++) {
		snprintf(src, sizeof(src), "198.18.7.%d", i + 1);
		for (int k = 0; k < BURST; k++)
			expect(w, "room for all", from(src, DATA), LB_R_no_flow);
		expect(w, "all are limited", from(src, DATA), LB_R_rate_packets);
	}
	for (int k = 0; k < 2 * BURST; k++)
		expect(w, "no room: not limited", from(OTHER, DATA), LB_R_no_flow);
	if (untracked(w) != before + 2 * BURST) {
		printf("FAIL guard: %d untracked packets were counted as %d\n", 2 * BURST,
		       (int)(untracked(w) - before));
		failed++;
	}
	b = get_sources(w);
	b.way[2].packets = 0;
	put_sources(w, &b);
	for (int k = 0; k < BURST; k++)
		expect(w, "takes the place of a full bucket", from(OTHER, DATA), LB_R_no_flow);
	expect(w, "and is limited there", from(OTHER, DATA), LB_R_rate_packets);
	expect(w, "others stayed limited", from("198.18.7.1", DATA), LB_R_rate_packets);
}

static void in_world(void (*tune)(struct xdp_bpf *w), void (*test)(struct xdp_bpf *w))
{
	struct xdp_bpf *w = world_open_with(tune);

	if (!w) {
		printf("FAIL guard: the program does not load (V=1 says more)\n");
		failed++;
		return;
	}
	test(w);
	xdp_bpf__destroy(w);
}

int guard_run(void)
{
	in_world(with_filter, denied);
	in_world(with_filter, allowed);
	in_world(with_filter, denied6);
	in_world(with_packets, packets);
	in_world(with_packets, packets6);
	in_world(with_packets, crowded);
	in_world(with_connections, connections);
	return failed;
}
