/* Setting up and prodding the program's maps. */
#include "world.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "kern/directory.c"
#include "lb/count.h"
#include "lb/service.h"

#define ROWS		  65537
#define DEVICE		  7
#define DIRECTORY_BUCKETS 1024 /* as the knobs say */
#define BUCKETS		  4    /* few, so that setting the world up is quick */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, fmt, ap) : 0;
}

struct xdp_bpf *world_open_with(void (*tune)(struct xdp_bpf *w))
{
	struct xdp_bpf *w;

	libbpf_set_print(quiet);
	w = xdp_bpf__open();
	if (!w)
		return NULL;
	w->rodata->knob_snat_port_lo = w->rodata->knob_snat_port_hi = SNAT_PORT;
	w->rodata->knob_udp_idle = 30;
	w->rodata->knob_flow_buckets = BUCKETS;
	bpf_map__set_max_entries(w->maps.flows, BUCKETS);
	if (tune)
		tune(w);
	if (xdp_bpf__load(w) == 0)
		return w;
	xdp_bpf__destroy(w);
	return NULL;
}

struct xdp_bpf *world_open(void)
{
	return world_open_with(NULL);
}

static void put(struct bpf_map *m, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(m), key, value, BPF_ANY) < 0) {
		perror(bpf_map__name(m));
		exit(1);
	}
}

static struct lb_addr addr(const char *text)
{
	struct lb_addr a = { .w = { 0, 0, htonl(0xffff), 0 } };

	if (inet_pton(AF_INET6, text, a.w) != 1)
		inet_pton(AF_INET, text, &a.w[3]);
	return a;
}

static bool six(uint16_t service)
{
	return service >= 11;
}

static void add_backend(struct xdp_bpf *w, uint32_t id, uint16_t service, const char *ip, uint16_t port,
			uint32_t ifindex, uint16_t flags)
{
	struct lb_backend b = { .addr = addr(ip),
				.snat = addr(six(service) ? SNAT6 : SNAT),
				.vip = addr(six(service) ? VIP6 : VIP),
				.port = htons(port),
				.service = service,
				.gen = 1,
				.flags = LB_BACKEND_USED | flags,
				.ifindex = ifindex,
				.mtu = MTU,
				.dmac = { 2, 0, 0, 0, 0, 4 },
				.smac = { 2, 0, 0, 0, 0, 3 } };

	put(w->maps.backends, &id, &b);
}

static void read_cell(struct bpf_map *m, uint32_t id, uint64_t *out, size_t words)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *cells = calloc((size_t)cpus, words * sizeof(*cells));

	memset(out, 0, words * sizeof(*out));
	bpf_map_lookup_elem(bpf_map__fd(m), &id, cells);
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		out[i % words] += cells[i];
	free(cells);
}

uint64_t world_backend_packets(struct xdp_bpf *w, uint32_t id)
{
	uint64_t cell[3];

	read_cell(w->maps.backend_counts, id, cell, 3);
	return cell[0];
}

static struct lb_backend get_backend(struct xdp_bpf *w, uint32_t id)
{
	struct lb_backend b = { 0 };

	bpf_map_lookup_elem(bpf_map__fd(w->maps.backends), &id, &b);
	return b;
}

static void *map_memory(struct bpf_map *m, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);

	if (at == MAP_FAILED) {
		perror(bpf_map__name(m));
		exit(1);
	}
	return at;
}

/* The program's own tables of addresses and ports. */
static struct directory open_directory(struct xdp_bpf *w)
{
	return (struct directory){ .addresses = map_memory(w->maps.addresses, DIRECTORY_BUCKETS * 64),
				   .ports = map_memory(w->maps.ports, DIRECTORY_BUCKETS * 32),
				   .naddresses = DIRECTORY_BUCKETS,
				   .nports = DIRECTORY_BUCKETS };
}

static void close_directory(struct directory *d)
{
	munmap(d->addresses, DIRECTORY_BUCKETS * 64);
	munmap(d->ports, DIRECTORY_BUCKETS * 32);
}

void world_address(struct xdp_bpf *w, const char *ip, uint16_t flags)
{
	struct directory d = open_directory(w);
	struct lb_addr a = addr(ip);

	directory_add(&d, &a, flags, 64);
	close_directory(&d);
}

void world_address_only(struct xdp_bpf *w, const char *ip, uint16_t flags)
{
	struct directory d = open_directory(w);
	struct lb_addr a = addr(ip);

	directory_set_flags(directory_find(&d, &a), flags);
	close_directory(&d);
}

void world_vip(struct xdp_bpf *w, const char *vip, uint16_t port, uint8_t proto, uint16_t service, uint8_t rules)
{
	struct directory d = open_directory(w);
	struct lb_addr a = addr(vip);
	struct lb_port p = { .port = htons(port), .proto = proto, .rules = rules, .service = service };

	p.address = (uint16_t)directory_add(&d, &a, LB_ADDRESS_VIP, 64);
	directory_set_port(&d, &p);
	if (port == 80) /* of several ports one is found at once, the others in the table of ports */
		directory_set_first(directory_find(&d, &a), &p);
	close_directory(&d);
}

static void put_rows(struct xdp_bpf *w, uint32_t service, uint16_t row, struct lb_past was)
{
	static struct {
		uint16_t row[ROWS];
		struct lb_past past[ROWS];
	} __attribute__((packed)) t;
	uint32_t zero = 0;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rows", 4, sizeof(t), 1, NULL);

	for (size_t i = 0; i < ROWS; i++) {
		t.row[i] = row;
		t.past[i] = was;
	}
	bpf_map_update_elem(fd, &zero, &t, BPF_ANY);
	put(w->maps.maglev, &service, &fd);
	close(fd);
}

void world_row_to(struct xdp_bpf *w, uint32_t service, uint16_t backend)
{
	put_rows(w, service, backend, (struct lb_past){ .id = LB_ROW_NONE });
}

void world_row_moved(struct xdp_bpf *w, uint32_t service, uint16_t now, uint16_t before, uint16_t seconds_ago)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	put_rows(w, service, now | LB_ROW_MOVED,
		 (struct lb_past){ .id = before, .when = (uint16_t)(t.tv_sec - seconds_ago) });
}

void world_set_mode(struct xdp_bpf *w, uint32_t id, uint8_t mode)
{
	struct lb_backend b = get_backend(w, id);

	b.mode = mode;
	put(w->maps.backends, &id, &b);
}

void world_quic(struct xdp_bpf *w, uint32_t service, uint8_t length, uint8_t config)
{
	struct lb_service s = { .quic_length = length, .quic_config = config, .active = 1 };

	put(w->maps.services, &service, &s);
}

void world_quic_id(struct xdp_bpf *w, uint32_t service, const char *id, uint32_t backend)
{
	struct lb_quic_key k = { .service = service };

	memcpy(k.id, id, strlen(id));
	put(w->maps.quic_ids, &k, &backend);
}

void world_backend_at(struct xdp_bpf *w, uint32_t id, const char *ip, const char *source)
{
	struct lb_backend b = get_backend(w, id);

	b.addr = addr(ip);
	b.snat = addr(source);
	put(w->maps.backends, &id, &b);
}

void world_backend_mtu(struct xdp_bpf *w, uint32_t id, uint32_t mtu)
{
	struct lb_backend b = get_backend(w, id);

	b.mtu = mtu;
	put(w->maps.backends, &id, &b);
}

void world_any_port(struct xdp_bpf *w, uint32_t id)
{
	struct lb_backend b = get_backend(w, id);

	b.port = 0;
	put(w->maps.backends, &id, &b);
}

void world_affinity(struct xdp_bpf *w, uint32_t service, uint32_t seconds)
{
	struct lb_service s = { .affinity = seconds, .active = 1 };

	put(w->maps.services, &service, &s);
}

void world_ranges(struct xdp_bpf *w, const char *vip, const struct lb_ranges *ranges)
{
	struct directory d = open_directory(w);
	struct lb_addr a = addr(vip);
	uint32_t id = (uint32_t)directory_add(&d, &a, LB_ADDRESS_VIP | LB_ADDRESS_RANGES, 64);

	put(w->maps.ranges, &id, ranges);
	close_directory(&d);
}

static void each_bucket(struct xdp_bpf *w, bool (*fn)(struct lb_flow *e, void *ctx), void *ctx)
{
	static struct lb_flow_bucket b;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		bool changed = false;

		bpf_map_lookup_elem(bpf_map__fd(w->maps.flows), &i, &b);
		for (int way = 0; way < LB_FLOW_WAYS; way++)
			if (b.tag[way] && fn(&b.entry[way], ctx)) {
				changed = true;
				if (b.entry[way].proto == 0)
					b.tag[way] = b.entry[way].tag = 0;
			}
		if (changed)
			put(w->maps.flows, &i, &b);
	}
}

/* A visitor removes an entry by taking its protocol away. */
static bool clear_one(struct lb_flow *e, void *ctx)
{
	(void)ctx;
	e->proto = 0;
	return true;
}

void world_reset_flows(struct xdp_bpf *w)
{
	each_bucket(w, clear_one, NULL);
}

static void world_reset_v6(struct xdp_bpf *w)
{
	world_vip(w, VIP6, 80, 6, 11, LB_RULE_TRACK);
	world_vip(w, VIP6, 53, 17, 12, LB_RULE_TRACK);
	world_address(w, SNAT6, LB_ADDRESS_SOURCE);
	add_backend(w, 11, 11, "fd00:1::11", 8080, DEVICE, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	add_backend(w, 12, 12, "fd00:1::12", 5353, 1, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	world_row_to(w, 11, 11);
	world_row_to(w, 12, 12);
}

static void set_traits(struct xdp_bpf *w, uint32_t flags)
{
	struct lb_traits t = { .flags = flags };
	uint32_t zero = 0;

	put(w->maps.traits, &zero, &t);
}

void world_reset(struct xdp_bpf *w)
{
	uint32_t device = DEVICE, lo = 1;

	world_reset_flows(w);
	world_vip(w, VIP, 80, 6, 1, LB_RULE_TRACK);
	world_vip(w, VIP, 53, 17, 2, LB_RULE_TRACK);
	world_vip(w, VIP, 81, 6, 3, LB_RULE_TRACK);
	world_vip(w, VIP, 82, 6, 4, LB_RULE_TRACK);
	world_vip(w, VIP, 83, 6, 5, LB_RULE_TRACK);
	world_address(w, SNAT, LB_ADDRESS_SOURCE);
	set_traits(w, LB_TRAIT_DNAT); /* cases change modes as they like */
	add_backend(w, 1, 1, "198.18.1.11", 8080, DEVICE, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	add_backend(w, 2, 2, "198.18.1.12", 5353, 1, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	add_backend(w, 3, 1, "198.18.1.13", 8080, DEVICE, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	add_backend(w, 4, 4, "198.18.1.14", 8080, DEVICE, LB_BACKEND_UP);
	add_backend(w, 5, 5, "198.18.1.15", 8080, 99, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	add_backend(w, 6, 2, "198.18.1.16", 5353, 1, LB_BACKEND_UP | LB_BACKEND_NEXTHOP);
	world_row_to(w, 1, 1);
	world_row_to(w, 2, 2);
	world_row_to(w, 3, LB_ROW_NONE);
	world_row_to(w, 4, 4);
	world_row_to(w, 5, 5);
	world_reset_v6(w);
	put(w->maps.devices, &device, &lo);
}

void world_reasons(struct xdp_bpf *w, uint64_t *out)
{
	uint64_t cell[2];

	for (uint32_t i = 0; i < LB_R_COUNT; i++) {
		read_cell(w->maps.reasons, i, cell, 2);
		out[i] = cell[0];
	}
}

void world_traffic(struct xdp_bpf *w, uint32_t service, uint32_t backend, uint64_t out_flows[2])
{
	uint64_t cell[3];

	read_cell(w->maps.service_counts, service, cell, 3);
	out_flows[0] = cell[2];
	read_cell(w->maps.backend_counts, backend, cell, 3);
	out_flows[1] = cell[2];
}

void world_set_flags(struct xdp_bpf *w, uint32_t id, uint16_t flags)
{
	struct lb_backend b = get_backend(w, id);

	b.flags = LB_BACKEND_USED | flags;
	put(w->maps.backends, &id, &b);
}

void world_bump_gen(struct xdp_bpf *w, uint32_t id)
{
	struct lb_backend b = get_backend(w, id);

	b.gen++;
	put(w->maps.backends, &id, &b);
}

struct visit {
	void (*fn)(struct lb_flow *f);
};

static bool visit_one(struct lb_flow *e, void *ctx)
{
	((struct visit *)ctx)->fn(e);
	return true;
}

void world_each_flow(struct xdp_bpf *w, void (*fn)(struct lb_flow *f))
{
	struct visit v = { fn };

	each_bucket(w, visit_one, &v);
}

static bool drop_direction(struct lb_flow *e, void *ctx)
{
	if ((e->flags & LB_FLOW_REVERSE) != *(int *)ctx)
		return false;
	e->proto = 0;
	return true;
}

void world_drop_reverse(struct xdp_bpf *w)
{
	int flag = LB_FLOW_REVERSE;

	each_bucket(w, drop_direction, &flag);
}

void world_drop_forward(struct xdp_bpf *w)
{
	int flag = 0;

	each_bucket(w, drop_direction, &flag);
}

static bool copy_one(struct lb_flow *e, void *ctx)
{
	*(struct lb_flow *)ctx = *e;
	return false;
}

void world_crowd(struct xdp_bpf *w)
{
	static struct lb_flow_bucket b;
	struct lb_flow e;

	each_bucket(w, copy_one, &e);
	e.tcp = LB_TCP_SYN;
	e.flags = 0;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		bpf_map_lookup_elem(bpf_map__fd(w->maps.flows), &i, &b);
		for (uint32_t way = 0; way < LB_FLOW_WAYS; way++) {
			if (b.tag[way])
				continue;
			e.port = (uint16_t)(i * LB_FLOW_WAYS + way); /* nobody's key: lookups never meet it */
			b.entry[way] = e;
			b.tag[way] = b.entry[way].tag = 2 * way + 1;
		}
		put(w->maps.flows, &i, &b);
	}
}

static bool count_one(struct lb_flow *e, void *ctx)
{
	(void)e;
	++*(unsigned *)ctx;
	return false;
}

unsigned world_flows(struct xdp_bpf *w)
{
	unsigned n = 0;

	each_bucket(w, count_one, &n);
	return n;
}

void world_move_source(struct xdp_bpf *w, uint32_t id, const char *to)
{
	struct lb_backend b = get_backend(w, id);

	b.old_snat = b.snat;
	b.old_source = b.source;
	b.source = ++b.sources;
	b.snat = addr(to);
	put(w->maps.backends, &id, &b);
}
