/* The balancer under the model's command: lines on standard input, one line of answer each. It stands in the network of
 * tests/bench/xdp/net.h with its one interface near0, and everything there is resolved. Commands:
 *
 *     service NAME VIP:PORT LAST PROTO MODE TRACK AFFINITY   begins a service of the next sync
 *     backend ADDR:PORT WEIGHT UP                            of it
 *     sync                    installs them: "ok", or "error" and what was wrong
 *     table                   ids in use: id:generation:service:addr port:mode, comma separated
 *     rows SERVICE            size numbers: row, with 0x8000 if moved; for those past id and seconds
 *     packet HEX              verdict of the XDP program, reason, bytes that leave
 *     explain PROTO SRC DST   what `sluice explain` says: reason and backend id for each kind of packet
 *     age SECONDS             as if so much time had passed for flows and rows
 *     settle                  what the agent does about once a second
 *     restart                 the agent ends, leaves all in force, and begins again */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/explain.h"
#include "kern/live.h"
#include "kern/mapio.h"
#include "kern/reason.h"
#include "kern/rows.h"
#include "lb/flow.h"
#include "net.h"
#include "xdp.skel.h"

#define PIN_PATH     "/sys/fs/bpf/model"
#define MAX_SERVICES 16
#define MAX_SERVERS  16
#define MAX_BACKENDS 64
#define MAX_FRAME    512
#define REASONS_MAX  64

static struct kern *kern;
static uint32_t ifindex;
static struct kern_service services[MAX_SERVICES];
static struct kern_backend backends[MAX_SERVICES][MAX_SERVERS];
static char names[MAX_SERVICES][32];
static size_t nservices;
static uint64_t counted[REASONS_MAX];
static struct explain *explained; /* NULL: the tables changed since */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "model driver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct live *live_of(void)
{
	return container_of(kern, struct live, kern);
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	if (endpoint_parse(str_of(text), &e) < 0)
		die(text);
	return e;
}

static void open_kern(void)
{
	static const char *const interfaces[] = { "near0" };
	struct kern_conf c = { .interfaces = interfaces,
			       .ninterfaces = 1,
			       .pin_path = PIN_PATH,
			       .max_services = MAX_SERVICES,
			       .max_backends = MAX_BACKENDS,
			       .max_flows = 16384,
			       .maglev_size = 251,
			       .udp_timeout_ns = 100 * NS_PER_S,
			       .tcp_timeout_ns = 1000 * NS_PER_S,
			       .tcp_opening_ns = 100 * NS_PER_S,
			       .tcp_closed_ns = 100 * NS_PER_S,
			       .snat_port_lo = 10000,
			       .snat_port_hi = 32767 };
	struct err_list errs;

	err_init(&errs);
	if (kern_open(&c, &kern, &errs) < 0) {
		err_print(&errs, stderr);
		exit(1);
	}
	err_free(&errs);
}

/* ---- desired state ---- */

static void on_service(char *args)
{
	struct kern_service *s = &services[nservices];
	char vip[64], proto[8];
	unsigned last, mode, track, affinity;

	if (nservices == MAX_SERVICES || sscanf(args, "%31s %63s %u %7s %u %u %u", names[nservices], vip, &last, proto,
						&mode, &track, &affinity) != 7)
		die("service");
	*s = (struct kern_service){ .name = names[nservices],
				    .vip = at(vip),
				    .last_port = (uint16_t)last,
				    .proto = strcmp(proto, "tcp") == 0 ? KERN_TCP : KERN_UDP,
				    .forwarding = (enum kern_forwarding)mode,
				    .track = track,
				    .affinity_ns = affinity * NS_PER_S,
				    .backends = backends[nservices] };
	nservices++;
}

static void on_backend(char *args)
{
	struct kern_service *s = &services[nservices - 1];
	struct kern_backend *b = &backends[nservices - 1][s->nbackends];
	unsigned weight, up;
	char text[64];

	if (!nservices || s->nbackends == MAX_SERVERS || sscanf(args, "%63s %u %u", text, &weight, &up) != 3)
		die("backend");
	*b = (struct kern_backend){ at(text), weight, up };
	s->nbackends++;
}

static void on_sync(char *args)
{
	struct err_list errs;

	(void)args;
	err_init(&errs);
	if (kern->ops->sync(kern, services, nservices, &errs) < 0 || errs.n)
		printf("error %s\n", errs.n ? errs.v[0].text : "");
	else
		puts("ok");
	err_free(&errs);
	nservices = 0;
}

/* ---- what is there ---- */

static void on_table(char *args)
{
	const struct table *t = &live_of()->table;
	char text[ADDR_TEXT_MAX];

	(void)args;
	for (uint32_t id = 0; id < t->nbackends; id++) {
		const struct lb_backend *b = &t->backends[id];
		struct endpoint e = table_endpoint(b);

		addr_print(&e.addr, text);
		if (b->flags & LB_BACKEND_USED)
			printf("%u/%u/%s/%s/%u/%u,", id, b->gen, t->services[b->service].name, text, e.port, b->mode);
	}
	putchar('\n');
}

static void on_rows(char *args)
{
	struct live *l = live_of();
	struct timespec now;
	struct rows rows;

	clock_gettime(CLOCK_BOOTTIME, &now);
	for (uint32_t id = 0; id < l->table.nservices; id++) {
		if (strcmp(l->table.services[id].name, args) != 0)
			continue;
		if (rows_read(l, id, &rows) < 0)
			die("rows");
		for (uint32_t i = 0; i < rows.size; i++) {
			printf("%u", rows.row[i]);
			if (rows.row[i] & LB_ROW_MOVED)
				printf("/%u/%u", rows.past[i].id, (uint16_t)(now.tv_sec - rows.past[i].when));
			putchar(' ');
		}
		rows_free(&rows);
	}
	putchar('\n');
}

/* ---- packets ---- */

static size_t from_hex(const char *text, uint8_t *to, size_t max)
{
	size_t n = 0;
	unsigned byte;

	while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1)
		to[n++] = (uint8_t)byte;
	return n;
}

/* The reason that was counted since the last call. */
static const char *take_reason(void)
{
	int fd = bpf_map__fd(live_of()->object->maps.reasons);
	const char *name = "none";
	struct lb_count c;

	for (uint32_t i = 0; reason_at(i) && i < REASONS_MAX; i++) {
		if (mapio_sum(fd, i, (uint64_t *)&c, 2) < 0)
			die("reasons");
		if (c.packets != counted[i])
			name = reason_at(i)->name;
		counted[i] = c.packets;
	}
	return name;
}

static void on_packet(char *args)
{
	static uint8_t in[MAX_FRAME], out[2 * MAX_FRAME];
	struct xdp_md ctx = { .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in, .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));

	o.data_size_in = (uint32_t)from_hex(args, in, sizeof(in));
	ctx.data_end = o.data_size_in;
	if (bpf_prog_test_run_opts(bpf_program__fd(live_of()->object->progs.sluice_xdp), &o) < 0)
		die("test run");
	printf("%u %s ", o.retval, take_reason());
	for (uint32_t i = 0; i < o.data_size_out; i++)
		printf("%02x", out[i]);
	putchar('\n');
}

/* It reads the tables once, so it is good until they change. */
static struct explain *explain_now(void)
{
	struct err_list errs;

	err_init(&errs);
	if (!explained && explain_open(PIN_PATH, &explained, &errs) < 0)
		die("explain");
	err_free(&errs);
	return explained;
}

static void on_explain(char *args)
{
	char proto[8], src[64], dst[64];
	struct explain *e = explain_now();
	struct endpoint from, to;
	struct explain_flow f;

	if (sscanf(args, "%7s %63s %63s", proto, src, dst) != 3)
		die("explain");
	from = at(src);
	to = at(dst);
	if (explain_look(e, strcmp(proto, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_UDP, &from, &to, &f) < 0)
		die("explain");
	for (int kind = EXPLAIN_BEGINS; kind <= EXPLAIN_DATAGRAM; kind++) {
		struct explain_verdict v = explain_decide(e, &f, (enum explain_kind)kind);

		printf("%s %u ", reason_at(v.reason)->name, v.backend_id);
	}
	putchar('\n');
}

/* ---- time ---- */

static void age_flows(uint32_t jiffies)
{
	const struct bpf_map *m = live_of()->object->maps.flows;
	struct lb_flow_bucket b;
	int fd = bpf_map__fd(m);

	for (uint32_t i = 0; i < bpf_map__max_entries(m); i++) {
		if (bpf_map_lookup_elem(fd, &i, &b) < 0)
			die("flows");
		for (int way = 0; way < LB_FLOW_WAYS; way++)
			b.entry[way].seen -= jiffies;
		if (mapio_put(fd, i, &b) < 0)
			die("flows");
	}
}

static void age_rows(uint16_t seconds)
{
	struct live *l = live_of();
	struct rows rows;

	for (uint32_t id = 0; id < l->table.nservices; id++) {
		if (!l->table.services[id].active)
			continue;
		if (rows_read(l, id, &rows) < 0)
			die("rows");
		for (uint32_t i = 0; i < rows.size; i++)
			rows.past[i].when = (uint16_t)(rows.past[i].when - seconds);
		if (rows.moved && rows_write(l, id, &rows) < 0)
			die("rows");
		rows_free(&rows);
	}
}

static void on_age(char *args)
{
	uint32_t seconds = (uint32_t)atoi(args);

	age_flows(seconds * live_of()->object->rodata->knob_jiffies_second);
	age_rows((uint16_t)seconds);
	puts("ok");
}

static void on_settle(char *args)
{
	(void)args;
	for (int i = 0; i < 3; i++) { /* a pass may take more than one step */
		clock_advance(NS_PER_S);
		kern->ops->refresh(kern);
	}
	puts("ok");
}

static void on_restart(char *args)
{
	(void)args;
	kern->ops->close(kern, true);
	open_kern();
	puts("ok");
}

static void begin(void)
{
	char name[16];

	if (net_open() < 0 || net_subnet(0, &ifindex) < 0)
		die("network");
	net_name(0, name);
	clock_freeze(clock_mono_ns(), clock_wall_ns());
	open_kern();
	printf("%u", ifindex);
	for (int i = 0; i < LB_HASH_WORDS; i++)
		printf(" %u", ((const struct lb_hash_key *)&live_of()->object->rodata->hash_key)->w[i]);
	putchar('\n');
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(char *args);
		bool changes; /* the tables */
	} commands[] = {
		{ "service", on_service },	 { "backend", on_backend }, { "sync", on_sync, true },
		{ "table", on_table },		 { "rows", on_rows },	    { "packet", on_packet },
		{ "explain", on_explain },	 { "age", on_age, true },   { "settle", on_settle, true },
		{ "restart", on_restart, true },
	};
	static char line[4096];

	if (kern_probe()[0]) {
		printf("skipped: %s\n", kern_probe());
		return 77;
	}
	begin();
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		char *args = line + strcspn(line, " \n");
		size_t i = 0;

		line[strcspn(line, "\n")] = '\0';
		if (*args)
			*args++ = '\0';
		while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, line) != 0)
			i++;
		if (i == ARRAY_LEN(commands))
			die(line);
		if (commands[i].changes)
			explain_close(&explained);
		commands[i].run(args);
		fflush(stdout);
	}
	kern->ops->close(kern, false);
	return 0;
}
