/* Services that remember no flows: where packets go by their row, by its past, by a client's entry; and how services
 * are found. Backend 1 and 3 are servers of service 1, 2 and 6 of service 2; with dsr the destination MAC stays and
 * only the counters tell them apart. */
#include <stdio.h>
#include <string.h>
#include "case.h"

#define SPARE_PORT 90

static int failed;

static void expect(bool ok, const char *name, const char *what)
{
	if (ok)
		return;
	printf("FAIL row, %s: %s\n", name, what);
	failed++;
}

/* The backend whose counter moved; -1: the packet did not go to any. */
static int goes_to(struct xdp_bpf *w, struct shape s, enum lb_reason *ret_reason)
{
	uint64_t was[LB_R_COUNT], is[LB_R_COUNT];
	uint64_t before[7], after[7];
	struct frame f;
	int to = -1;

	build(&s, &f);
	world_reasons(w, was);
	for (uint32_t id = 1; id < 7; id++)
		before[id] = world_backend_packets(w, id);
	run_frame(w, &f, &f);
	world_reasons(w, is);
	for (uint32_t id = 1; id < 7; id++) {
		after[id] = world_backend_packets(w, id);
		if (after[id] != before[id])
			to = (int)id;
	}
	for (int r = 0; r < LB_R_COUNT; r++)
		if (is[r] != was[r])
			*ret_reason = (enum lb_reason)r;
	return to;
}

static void to(struct xdp_bpf *w, const char *name, struct shape s, int backend)
{
	enum lb_reason reason = LB_R_COUNT;
	int got = goes_to(w, s, &reason);

	if (got == backend)
		return;
	printf("FAIL row, %s: went to %d, wanted %d (reason %d)\n", name, got, backend, reason);
	failed++;
}

static void because(struct xdp_bpf *w, const char *name, struct shape s, enum lb_reason wanted)
{
	enum lb_reason reason = LB_R_COUNT;

	goes_to(w, s, &reason);
	expect(reason == wanted, name, "wrong reason");
}

/* Both services by dsr, remembering what they must. */
static void start(struct xdp_bpf *w, uint8_t rules)
{
	static const uint32_t ids[] = { 1, 2, 3, 6 };

	world_reset(w);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		world_set_mode(w, ids[i], LB_MODE_DSR);
	world_vip(w, VIP, 80, 6, 1, rules);
	world_vip(w, VIP, 53, 17, 2, rules);
}

#define SYN(port)  ((struct shape)TO_VIP(6, 80, .sport = port, .flags = F_SYN))
#define DATA(port) ((struct shape)TO_VIP(6, 80, .sport = port, .flags = F_ACK))
#define ASK(port)  ((struct shape)TO_VIP(17, 53, .sport = port))
#define BOTH	   (LB_BACKEND_UP | LB_BACKEND_NEXTHOP)

static void an_unmoved_row_needs_no_memory(struct xdp_bpf *w)
{
	start(w, 0);
	to(w, "SYN by its row", SYN(1000), 1);
	to(w, "data by its row", DATA(1000), 1);
	to(w, "data of an unknown connection by its row", DATA(1001), 1);
	to(w, "a datagram by its row", ASK(1002), 2);
	expect(world_flows(w) == 0, "unmoved row", "entries were made");
	world_row_to(w, 1, LB_ROW_NONE);
	because(w, "no backend has a row", SYN(1003), LB_R_no_backend);
}

/* A connection with a backend that lost its row stays; one that begins goes to the row's new backend and stays there.
 */
static void connections_outlive_a_change(struct xdp_bpf *w)
{
	start(w, 0);
	world_row_moved(w, 1, 3, 1, 2);
	to(w, "an old connection goes on", DATA(1000), 1);
	to(w, "and on", DATA(1000), 1);
	to(w, "a new connection begins with the new backend", SYN(2000), 3);
	to(w, "and goes on there", DATA(2000), 3);
	expect(world_flows(w) == 2, "moved row", "one entry for each connection");
	world_row_moved(w, 1, 4, 1, 2);
	to(w, "a second change: the second connection goes on", DATA(2000), 3);
	to(w, "a second change: the first goes on", DATA(1000), 1);
	to(w, "a second change: an old one without an entry goes on", DATA(1001), 1);
	world_set_flags(w, 1, LB_BACKEND_NEXTHOP);
	to(w, "its backend is drained, or down: it stays", DATA(1000), 1);
	to(w, "its backend is down: it may still begin anew elsewhere", SYN(1000), -1);
}

/* Nobody can tell whether a datagram begins something, so it follows the past as long as that is young. */
static void sessions_outlive_a_change_for_their_time(struct xdp_bpf *w)
{
	start(w, 0);
	world_row_moved(w, 2, 6, 2, 29);
	to(w, "a datagram soon after the change", ASK(1000), 2);
	world_row_moved(w, 2, 6, 2, 32);
	to(w, "the session has an entry by then", ASK(1000), 2);
	to(w, "another one, later than a session lasts", ASK(1001), 6);
	world_row_moved(w, 2, 6, 2, 1);
	to(w, "it keeps that", ASK(1001), 6);
	world_set_flags(w, 2, LB_BACKEND_NEXTHOP);
	to(w, "with a backend that is down there is no session", ASK(1002), 6);
	to(w, "nor one that was", ASK(1000), 6);
}

static void a_past_that_is_not_known(struct xdp_bpf *w)
{
	start(w, 0);
	world_row_moved(w, 1, 3, LB_ROW_NONE, 1);
	to(w, "nobody's past", DATA(1000), 3);
	world_row_moved(w, 1, 3, 2, 1);
	to(w, "another service's backend", DATA(1001), 3);
	world_row_moved(w, 1, 3, 4000, 1);
	to(w, "an id that nobody has", DATA(1002), 3);
}

/* tracking: always. A change moves nothing that has an entry, and who has none is looked for in the past. */
static void tracked_services_have_a_past_too(struct xdp_bpf *w)
{
	start(w, LB_RULE_TRACK);
	to(w, "tracked: SYN", SYN(1000), 1);
	expect(world_flows(w) == 1, "tracked", "an entry at once");
	world_row_moved(w, 1, 3, 1, 2);
	to(w, "tracked: goes on", DATA(1000), 1);
	to(w, "tracked: a connection without an entry goes on as well", DATA(1001), 1);
	world_row_moved(w, 2, 6, 2, 1);
	to(w, "tracked: a datagram without an entry begins something", ASK(1000), 6);
}

static void clients_stay(struct xdp_bpf *w)
{
	start(w, LB_RULE_AFFINITY);
	world_affinity(w, 1, 20);
	world_affinity(w, 2, 20);
	to(w, "affinity: by the row", SYN(1000), 1);
	expect(world_flows(w) == 0, "affinity", "no entry while the row says so");
	world_row_moved(w, 1, 3, 1, 10);
	to(w, "affinity: a new connection of a client that may have been here", SYN(1001), 1);
	to(w, "affinity: goes on", DATA(1001), 1);
	expect(world_flows(w) == 1, "affinity", "one entry for all flows of the client");
	world_row_moved(w, 1, 3, 1, 1000);
	to(w, "affinity: the client has an entry", SYN(1002), 1);
	world_reset_flows(w);
	to(w, "affinity: the change is longer ago than the client is remembered", SYN(1003), 3);
	to(w, "affinity: and stays there", DATA(1003), 3);
	world_set_flags(w, 3, LB_BACKEND_NEXTHOP);
	world_row_moved(w, 1, 1, 3, 1);
	to(w, "affinity: a backend that is down keeps its connections", DATA(1003), 3);
	to(w, "affinity: and gets no more", SYN(1004), 1);
	world_row_moved(w, 2, 6, 2, 10);
	to(w, "affinity: datagrams", ASK(1000), 2);
	to(w, "affinity: datagrams, another port", ASK(1001), 2);
}

/* With address translation every flow has entries, and the client another one. */
static void clients_stay_with_translation(struct xdp_bpf *w)
{
	struct shape far = SYN(1002);

	world_reset(w);
	world_vip(w, VIP, 80, 6, 1, LB_RULE_TRACK | LB_RULE_AFFINITY);
	world_affinity(w, 1, 20);
	to(w, "affinity, snat: by the row", SYN(1000), 1);
	world_reset_flows(w);
	world_row_moved(w, 1, 3, 1, 10);
	to(w, "affinity, snat: stays", SYN(1001), 1);
	expect(world_flows(w) == 3, "affinity, snat", "two entries of the flow, one of the client");
	world_reset_flows(w);
	world_row_moved(w, 1, 3, 1, 21);
	to(w, "affinity, snat: a client from long ago", far, 3);
}

/* The service was snat with backend 1 and is dsr with backend 3 now: connections of then are rewritten still. */
static void connections_outlive_a_change_of_forwarding(struct xdp_bpf *w)
{
	start(w, LB_RULE_TRACK | LB_RULE_AFFINITY);
	world_affinity(w, 1, 20);
	world_set_mode(w, 1, LB_MODE_SNAT);
	to(w, "affinity: a connection begins with snat", SYN(1000), 1);
	world_vip(w, VIP, 80, 6, 1, LB_RULE_AFFINITY);
	world_row_moved(w, 1, 3, 1, 2);
	world_set_flags(w, 1, LB_BACKEND_NEXTHOP);
	to(w, "affinity: it goes on so when forwarding becomes dsr", DATA(1000), 1);
	because(w, "affinity: one that nobody knows cannot", DATA(1001), LB_R_no_flow);
	to(w, "affinity: new ones begin with dsr", SYN(1002), 3);
}

static void ports_and_ranges(struct xdp_bpf *w)
{
	const struct lb_ranges r = { .range = { { 90, 99, 6, 0, 1 }, { 1, 65535, 17, 0, 2 } } };
	struct shape in = TO_VIP(6, 90, .flags = F_SYN), last = TO_VIP(6, 99, .flags = F_SYN);
	struct shape before = TO_VIP(6, 89, .flags = F_SYN), behind = TO_VIP(6, 100, .flags = F_SYN);
	struct shape single = TO_VIP(6, 95, .flags = F_SYN), udp = TO_VIP(17, 4242);

	start(w, 0);
	because(w, "no range yet", in, LB_R_not_ours);
	world_ranges(w, VIP, &r);
	to(w, "first port of a range", in, 1);
	to(w, "last port of a range", last, 1);
	because(w, "the port before", before, LB_R_not_ours);
	because(w, "the port behind", behind, LB_R_not_ours);
	to(w, "a whole address", udp, 2);
	world_vip(w, VIP, 95, 6, 3, LB_RULE_TRACK);
	because(w, "a port of its own comes first", single, LB_R_no_backend);
}

/* A server that takes the port the client asked for. */
static void ranges_with_translation(struct xdp_bpf *w)
{
	struct shape in = TO_VIP(6, SPARE_PORT, .flags = F_SYN);
	struct shape want = TO_BACKEND(6, "198.18.1.11", SPARE_PORT, .flags = F_SYN);
	struct shape back = FROM_BACKEND(6, "198.18.1.11", SPARE_PORT, .flags = F_SYN | F_ACK);
	struct shape home = TO_CLIENT(6, SPARE_PORT, .flags = F_SYN | F_ACK);
	const struct lb_ranges r = { .range = { { 80, 99, 6, LB_RULE_TRACK, 1 } } };
	struct frame f, g;

	world_reset(w);
	world_ranges(w, VIP, &r);
	world_any_port(w, 1);
	build(&in, &f);
	run_frame(w, &f, &f);
	build(&want, &g);
	expect(f.n == g.n && !memcmp(f.b, g.b, f.n), "range, snat", "to the server, same port");
	build(&back, &f);
	run_frame(w, &f, &f);
	build(&home, &g);
	expect(f.n == g.n && !memcmp(f.b, g.b, f.n), "range, snat", "back to the client");
}

int row_run(struct xdp_bpf *w)
{
	failed = 0;
	an_unmoved_row_needs_no_memory(w);
	connections_outlive_a_change(w);
	sessions_outlive_a_change_for_their_time(w);
	a_past_that_is_not_known(w);
	tracked_services_have_a_past_too(w);
	clients_stay(w);
	clients_stay_with_translation(w);
	connections_outlive_a_change_of_forwarding(w);
	ports_and_ranges(w);
	ranges_with_translation(w);
	return failed;
}
