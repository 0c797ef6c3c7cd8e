/* Packet costs in ns: the floor (wrapper and an empty program), the same rewrite by a program of constants, and ours,
 * for one flow and for many. Runs are interleaved and the least of each counts, since the machine is not ours alone. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.skel.h"
#include "guard.h"
#include "lb/backend.h"
#include "lb/flow.h"
#include "lb/service.h"
#include "xdp.skel.h"

#define ROUNDS	  15
#define PACKETS	  400000
#define ROWS	  65537
#define NBACKENDS 16
#define FRAME	  64
#define OTHER_IF  7
#define BUCKETS	  16384 /* for 65536 flows with two entries each, as the agent sizes it */

enum kind { SYN = 0x02, ACK = 0x10 };

struct target {
	const char *name;
	int prog;
	uint32_t flows; /* power of two */
	const char *dst;
	enum kind kind;
	uint32_t ifindex; /* backends are reached by: 1 is where packets enter */
	bool fresh;	  /* every packet starts a flow: the table is emptied before */
	uint32_t ns[ROUNDS];
};

static struct bench_bpf *rig;
static struct xdp_bpf *ours;

static void put(int fd, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY) < 0) {
		perror("map");
		exit(1);
	}
}

static struct lb_addr addr(const char *text, uint32_t add)
{
	struct lb_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	inet_pton(AF_INET, text, &a.w[3]);
	a.w[3] = htonl(ntohl(a.w[3]) + add);
	return a;
}

static void set_backends(uint32_t ifindex)
{
	for (uint32_t id = 0; id < NBACKENDS; id++) {
		struct lb_backend b = { .addr = addr("198.18.1.11", id),
					.snat = addr("198.18.1.1", 0),
					.vip = addr("198.18.0.10", 0),
					.vport = htons(80),
					.port = htons(8080),
					.gen = 1,
					.flags = LB_BACKEND_USED | LB_BACKEND_UP | LB_BACKEND_NEXTHOP,
					.ifindex = ifindex,
					.mtu = 1500,
					.dmac = { 2, 0, 0, 0, 0, 4 },
					.smac = { 2, 0, 0, 0, 0, 3 } };

		put(bpf_map__fd(ours->maps.backends), &id, &b);
	}
}

static void set_service(void)
{
	struct lb_vip_key key = { .addr = addr("198.18.0.10", 0), .port = htons(80), .proto = 6 };
	struct lb_vip vip = { .service = 0 };
	uint32_t zero = 0, other = OTHER_IF, lo = 1;
	static uint16_t rows[ROWS];
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rows", 4, sizeof(rows), 1, NULL);

	for (size_t i = 0; i < ROWS; i++)
		rows[i] = (uint16_t)(i % NBACKENDS);
	put(fd, &zero, rows);
	put(bpf_map__fd(ours->maps.maglev), &zero, &fd);
	put(bpf_map__fd(ours->maps.vips), &key, &vip);
	put(bpf_map__fd(ours->maps.devices), &other, &lo);
	close(fd);
}

static void set_head(const char *dst, enum kind kind)
{
	uint8_t b[sizeof(rig->bss->head)] = { 2, 0, 0,	0, 0, 2,    2, 0,  0, 0,    0,	  1,   8,  0, 0x45,
					      0, 0, 50, 0, 1, 0x40, 0, 64, 6, 0x12, 0x34, 198, 19, 0, 1 };

	inet_pton(AF_INET, dst, b + 30);
	b[36] = 0;
	b[37] = 80;
	b[46] = 0x50;
	b[47] = (uint8_t)kind;
	memcpy(&rig->bss->head, b, sizeof(b));
}

static uint32_t run(uint32_t packets, uint32_t *ret_verdict)
{
	uint8_t frame[FRAME] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = FRAME, .repeat = (int)packets);

	if (bpf_prog_test_run_opts(bpf_program__fd(rig->progs.wrapper), &o) < 0) {
		perror("BPF_PROG_TEST_RUN");
		exit(1);
	}
	if (ret_verdict)
		*ret_verdict = o.retval;
	return o.duration;
}

static void empty_table(void)
{
	static const struct lb_flow_bucket none;

	for (uint32_t i = 0; i < BUCKETS; i++)
		put(bpf_map__fd(ours->maps.flows), &i, &none);
}

static void prepare(const struct target *t)
{
	uint32_t zero = 0;

	put(bpf_map__fd(rig->maps.target), &zero, &t->prog);
	rig->bss->flow_mask = t->flows - 1;
	set_backends(t->ifindex);
	if (t->fresh)
		empty_table();
	set_head(t->dst, SYN);
	if (!t->fresh)
		run(t->flows, NULL); /* a SYN of every flow; harmless for the others */
	set_head(t->dst, t->kind);
	if (!t->fresh)
		run(t->flows, NULL); /* caches, and the first ACK of every flow */
}

static int compare(const void *a, const void *b)
{
	return (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

static void print(struct target *t, size_t n)
{
	double floor_ns = t[0].ns[0], fixed_ns = t[1].ns[0];

	printf("%-44s %6s %6s %6s  %9s %9s\n", "ns per packet", "min", "median", "max", "of fixed", "of net");
	for (size_t i = 0; i < n; i++)
		printf("%-44s %6u %6u %6u  %9.2f %9.2f\n", t[i].name, t[i].ns[0], t[i].ns[ROUNDS / 2],
		       t[i].ns[ROUNDS - 1], t[i].ns[0] / fixed_ns, (t[i].ns[0] - floor_ns) / (fixed_ns - floor_ns));
	printf("of fixed: least time against the fixed rewrite's; of net: the same after taking the floor off both.\n");
}

static void pin_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static int setup(void)
{
	rig = bench_bpf__open_and_load();
	ours = xdp_bpf__open();
	if (!rig || !ours)
		return -1;
	ours->rodata->knob_snat_port_lo = 10000;
	ours->rodata->knob_flow_buckets = BUCKETS;
	bpf_map__set_max_entries(ours->maps.flows, BUCKETS);
	guard_tune(ours);
	if (xdp_bpf__load(ours) < 0)
		return -1;
	set_service();
	guard_fill(ours);
	pin_cpu();
	return 0;
}

int main(void)
{
	if (setup() < 0) {
		printf("skipped: XDP programs cannot be loaded: %s\n", strerror(errno));
		return 77;
	}
	int empty = bpf_program__fd(rig->progs.empty_tx), fixed = bpf_program__fd(rig->progs.fixed);
	int xdp = bpf_program__fd(ours->progs.sluice_xdp);
	struct target t[] = {
		{ "floor: empty program", empty, 65536, "198.18.0.10", ACK, 1, false, { 0 } },
		{ "fixed rewrite", fixed, 65536, "198.18.0.10", ACK, 1, false, { 0 } },
		{ "established TCP, 1 flow", xdp, 1, "198.18.0.10", ACK, 1, false, { 0 } },
		{ "established TCP, 1 flow, redirected", xdp, 1, "198.18.0.10", ACK, OTHER_IF, false, { 0 } },
		{ "established TCP, 1024 flows", xdp, 1024, "198.18.0.10", ACK, 1, false, { 0 } },
		{ "established TCP, 65536 flows", xdp, 65536, "198.18.0.10", ACK, 1, false, { 0 } },
		{ "not for a VIP", xdp, 65536, "198.18.0.99", ACK, 1, false, { 0 } },
		{ "SYN, every packet a new flow (32768)", xdp, 32768, "198.18.0.10", SYN, 1, true, { 0 } },
	};
	size_t n = sizeof(t) / sizeof(t[0]);

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n; i++) {
			prepare(&t[i]);
			t[i].ns[round] = run(t[i].fresh ? t[i].flows : PACKETS, NULL);
		}
	for (size_t i = 0; i < n; i++)
		qsort(t[i].ns, ROUNDS, sizeof(t[i].ns[0]), compare);
	print(t, n);
	return 0;
}
