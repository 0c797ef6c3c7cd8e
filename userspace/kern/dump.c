/* One function per kind of row. Every value is copied into the row first: maps change under us. */
#include "kern/dump.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "kern/flow.h"
#include "kern/mapio.h"
#include "kern/pin.h"
#include "kern/pinned.h"
#include "kern/reason.h"
#include "kern/table.h"
#include "lb/count.h"

#define CELLS_MAX 20
#define TEXT_MAX  LB_NAME_MAX

struct dump {
	const char *dir;
	const struct dump_filter *filter;
	void (*fn)(void *ctx, const struct dump_cell *cells, size_t n);
	void *ctx;
	struct lb_abi abi;
	struct table table; /* names for ids */
	struct dump_cell cells[CELLS_MAX];
	char text[CELLS_MAX][TEXT_MAX];
	size_t n;
};

/* ---- rows ---- */

static void put_number(struct dump *d, const char *name, uint64_t v)
{
	d->cells[d->n++] = (struct dump_cell){ .name = name, .number = v };
}

static void put_text(struct dump *d, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void put_text(struct dump *d, const char *name, const char *fmt, ...)
{
	char *text = d->text[d->n];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, TEXT_MAX, fmt, ap);
	va_end(ap);
	d->cells[d->n++] = (struct dump_cell){ .name = name, .text = text };
}

static void put_endpoint(struct dump *d, const char *name, const struct endpoint *at)
{
	char text[ENDPOINT_TEXT_MAX];

	if (at->port)
		endpoint_print(at, text);
	else
		addr_print(&at->addr, text);
	put_text(d, name, "%s", text);
}

static void put_proto(struct dump *d, uint8_t proto)
{
	put_text(d, "protocol", "%s", proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "any");
}

static void put_mac(struct dump *d, const char *name, const uint8_t m[6])
{
	put_text(d, name, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void end_row(struct dump *d)
{
	d->fn(d->ctx, d->cells, d->n);
	d->n = 0;
}

static struct endpoint endpoint_of(const struct lb_addr *a, __be16 port)
{
	struct endpoint e = { .port = ntohs(port) };

	memcpy(&e.addr, a, sizeof(e.addr));
	return e;
}

static const char *service_name(const struct dump *d, uint32_t id)
{
	return id < d->table.nservices ? d->table.services[id].name : "";
}

/* ---- kinds ---- */

static int rows_abi(struct dump *d)
{
	put_text(d, "pinPath", "%s", d->dir);
	put_number(d, "abi", d->abi.abi);
	put_number(d, "maxServices", d->abi.max_services);
	put_number(d, "maxBackends", d->abi.max_backends);
	put_number(d, "maxFlows", d->abi.max_flows);
	put_number(d, "maglevSize", d->abi.maglev_size);
	end_row(d);
	return 0;
}

static void put_prog_name(struct dump *d, uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		info.name[0] = '\0';
	put_text(d, "program", "%s", info.name);
	put_number(d, "programId", id);
}

/* An interface is where the link says only if the program it has now is the link's: ifindexes repeat between network
 * namespaces. */
static void row_link(void *ctx, const char *path)
{
	struct dump *d = ctx;
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info), on = 0;
	_cleanup_close_ int fd = bpf_obj_get(path);
	const char *mode = "detached";

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return;
	if (info.xdp.ifindex)
		mode = "another network namespace";
	if (info.xdp.ifindex && bpf_xdp_query_id((int)info.xdp.ifindex, 0, &on) == 0 && on == info.prog_id &&
	    bpf_xdp_query((int)info.xdp.ifindex, 0, &q) == 0)
		mode = q.attach_mode == XDP_ATTACHED_SKB ? "generic" : "native";
	put_text(d, "interface", "%s", strrchr(path, '/') + sizeof("/link_") - 1);
	put_number(d, "ifindex", info.xdp.ifindex);
	put_text(d, "mode", "%s", mode);
	put_prog_name(d, info.prog_id);
	end_row(d);
}

static int rows_links(struct dump *d)
{
	pin_each_link(d->dir, row_link, d);
	return 0;
}

static uint64_t memory_of(int fd)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[128];
	uint64_t bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %" SCNu64, &bytes) == 1)
			break;
	return bytes;
}

static uint64_t count_keys(int fd, size_t key_size)
{
	char key[64], next[64];
	bool more = false;
	uint64_t n = 0;

	if (key_size > sizeof(key))
		return 0;
	while (bpf_map_get_next_key(fd, more ? key : NULL, next) == 0) {
		memcpy(key, next, key_size);
		more = true;
		n++;
	}
	return n;
}

/* Entries of an array have no owner but what they say themselves. */
static uint64_t used_of(const struct dump *d, const char *name, int fd, const struct bpf_map_info *info)
{
	uint64_t n = 0;

	if (info->type == BPF_MAP_TYPE_HASH || info->type == BPF_MAP_TYPE_LRU_HASH)
		return count_keys(fd, info->key_size);
	for (uint32_t i = 0; strcmp(name, "services") == 0 && i < d->table.nservices; i++)
		n += d->table.services[i].active != 0;
	for (uint32_t i = 0; strcmp(name, "backends") == 0 && i < d->table.nbackends; i++)
		n += table_backend_active(&d->table.backends[i]);
	return n;
}

static void row_map(struct dump *d, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = pinned_map(d->dir, name);
	const char *type;
	struct flow_fill fill = { 0 };
	uint64_t used, room;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return;
	type = libbpf_bpf_map_type_str(info.type);
	used = used_of(d, name, fd, &info);
	room = info.max_entries;
	if (strcmp(name, "flows") == 0 && flow_fill(d->dir, &fill) == 0) {
		used = fill.entries;
		room = fill.room;
	}
	put_text(d, "map", "%s", name);
	put_text(d, "type", "%s", type ? type : "unknown");
	put_number(d, "used", used);
	put_number(d, "room", room);
	put_number(d, "valueBytes", info.value_size);
	put_number(d, "memoryBytes", memory_of(fd));
	end_row(d);
}

static int rows_maps(struct dump *d)
{
	DIR *dir = opendir(d->dir);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' && strncmp(e->d_name, "link_", 5) != 0)
			row_map(d, e->d_name);
	closedir(dir);
	return 0;
}

static void put_traffic(struct dump *d, int fd, uint32_t id)
{
	struct lb_traffic t = { 0 };

	(void)mapio_sum(fd, id, (uint64_t *)&t, sizeof(t) / sizeof(uint64_t));
	put_number(d, "packets", t.packets);
	put_number(d, "bytes", t.bytes);
	put_number(d, "flows", t.flows);
}

static int rows_services(struct dump *d)
{
	_cleanup_close_ int counts = pinned_map(d->dir, "service_counts");

	for (uint32_t id = 0; id < d->table.nservices; id++) {
		const struct lb_service *s = &d->table.services[id];
		struct endpoint vip = endpoint_of(&s->vip.addr, s->vip.port);

		if (!s->name[0])
			continue;
		put_number(d, "id", id);
		put_text(d, "service", "%s", s->name);
		put_endpoint(d, "vip", &vip);
		put_proto(d, s->vip.proto);
		put_text(d, "state", "%s", s->active ? "active" : "retired");
		put_traffic(d, counts, id);
		end_row(d);
	}
	return counts < 0 ? counts : 0;
}

/* A port or a range of them, as the program sees it. */
static void row_vip(struct dump *d, const struct lb_addr *addr, const struct lb_range *r)
{
	struct endpoint at = endpoint_of(addr, htons(r->first));
	char rules[TABLE_RULES_MAX];

	put_endpoint(d, "vip", &at);
	put_number(d, "lastPort", r->last);
	put_proto(d, r->proto);
	put_text(d, "service", "%s", service_name(d, r->service));
	put_number(d, "serviceId", r->service);
	table_rules(r->rules, rules);
	put_text(d, "rules", "%s", rules);
	end_row(d);
}

static void rows_ports(struct dump *d, int ports, const struct lb_address *a)
{
	struct lb_port_bucket b;

	for (uint32_t i = 0; bpf_map_lookup_elem(ports, &i, &b) == 0; i++)
		for (int w = 0; w < LB_PORT_WAYS; w++) {
			const struct lb_port *p = &b.way[w];
			struct lb_range r = { ntohs(p->port), ntohs(p->port), p->proto, p->rules, p->service };

			if (p->proto && !(p->proto & LB_PORT_ANY) && p->address == a->id)
				row_vip(d, &a->addr, &r);
		}
}

static void rows_ranges(struct dump *d, int ranges, const struct lb_address *a)
{
	uint32_t id = a->id;
	struct lb_ranges r;

	if (!(a->flags & LB_ADDRESS_RANGES) || bpf_map_lookup_elem(ranges, &id, &r) < 0)
		return;
	for (int i = 0; i < LB_RANGES && r.range[i].proto; i++)
		row_vip(d, &a->addr, &r.range[i]);
}

static int rows_vips(struct dump *d)
{
	_cleanup_close_ int addresses = pinned_map(d->dir, "addresses");
	_cleanup_close_ int ports = pinned_map(d->dir, "ports");
	_cleanup_close_ int ranges = pinned_map(d->dir, "ranges");
	struct lb_address_bucket b;

	if (addresses < 0 || ports < 0 || ranges < 0)
		return -ENOENT;
	for (uint32_t i = 0; bpf_map_lookup_elem(addresses, &i, &b) == 0; i++)
		for (int w = 0; w < LB_ADDRESS_WAYS; w++)
			if (b.way[w].flags & LB_ADDRESS_VIP) {
				rows_ports(d, ports, &b.way[w]);
				rows_ranges(d, ranges, &b.way[w]);
			}
	return 0;
}

static void put_hop(struct dump *d, const struct lb_backend *b)
{
	static const uint8_t none[6];
	bool known = b->flags & LB_BACKEND_NEXTHOP;
	struct endpoint source = endpoint_of(&b->snat, 0);
	char name[IF_NAMESIZE] = "";

	if (known && !if_indextoname(b->ifindex, name))
		snprintf(name, sizeof(name), "if%u", b->ifindex);
	put_text(d, "interface", "%s", known ? name : "unresolved");
	put_mac(d, "nextHop", known ? b->dmac : none);
	put_number(d, "mtu", known ? b->mtu : 0);
	put_endpoint(d, "source", &source);
}

static int rows_backends(struct dump *d)
{
	_cleanup_close_ int counts = pinned_map(d->dir, "backend_counts");

	for (uint32_t id = 0; id < d->table.nbackends; id++) {
		const struct lb_backend *b = &d->table.backends[id];
		struct endpoint at = table_endpoint(b);

		if (!(b->flags & LB_BACKEND_USED))
			continue;
		put_number(d, "id", id);
		put_text(d, "service", "%s", service_name(d, b->service));
		put_endpoint(d, "backend", &at);
		put_text(d, "forwarding", "%s", table_mode(b));
		put_text(d, "state", "%s", table_state(b));
		put_hop(d, b);
		put_number(d, "generation", b->gen);
		put_traffic(d, counts, id);
		end_row(d);
	}
	return counts < 0 ? counts : 0;
}

static bool endpoint_fits(const struct endpoint *want, const struct endpoint *have)
{
	return !want || (addr_eq(&want->addr, &have->addr) && (!want->port || want->port == have->port));
}

static bool row_flow(void *ctx, const struct flow *f)
{
	struct dump *d = ctx;
	const struct dump_filter *w = d->filter;

	if (w && ((w->client && !addr_eq(w->client, &f->client.addr)) || !endpoint_fits(w->vip, &f->vip) ||
		  !endpoint_fits(w->backend, &f->backend)))
		return true;
	put_proto(d, f->proto);
	put_endpoint(d, "client", &f->client);
	put_endpoint(d, "vip", &f->vip);
	put_endpoint(d, "source", &f->source);
	put_endpoint(d, "backend", &f->backend);
	put_text(d, "service", "%s", service_name(d, f->service_id));
	put_text(d, "state", "%s", f->state);
	put_number(d, "idleSeconds", f->idle_s);
	end_row(d);
	return true;
}

static int rows_flows(struct dump *d)
{
	return flow_each(d->dir, &d->table, row_flow, d);
}

static int rows_reasons(struct dump *d)
{
	_cleanup_close_ int fd = pinned_map(d->dir, "reasons");
	const struct reason_info *r;

	for (uint32_t i = 0; fd >= 0 && (r = reason_at(i)) != NULL; i++) {
		struct lb_count c = { 0 };

		(void)mapio_sum(fd, i, (uint64_t *)&c, sizeof(c) / sizeof(uint64_t));
		put_text(d, "reason", "%s", r->name);
		put_text(d, "verdict", "%s", r->verdict);
		put_number(d, "packets", c.packets);
		put_number(d, "bytes", c.bytes);
		put_text(d, "meaning", "%s", r->help);
		end_row(d);
	}
	return fd < 0 ? fd : 0;
}

int dump_rows(const char *pin_path, enum dump_what what, const struct dump_filter *filter,
	      void (*fn)(void *ctx, const struct dump_cell *cells, size_t n), void *ctx, struct err_list *errs)
{
	static int (*const rows[])(struct dump * d) = {
		[DUMP_ABI] = rows_abi,		 [DUMP_LINKS] = rows_links,	[DUMP_MAPS] = rows_maps,
		[DUMP_SERVICES] = rows_services, [DUMP_VIPS] = rows_vips,	[DUMP_BACKENDS] = rows_backends,
		[DUMP_FLOWS] = rows_flows,	 [DUMP_REASONS] = rows_reasons,
	};
	struct dump d = { .dir = pin_path, .filter = filter, .fn = fn, .ctx = ctx };
	int r = pinned_open(pin_path, &d.abi, &d.table, errs);

	if (r == 0) {
		r = rows[what](&d);
		if (r < 0)
			pinned_refuse(errs, pin_path, r);
	}
	table_free(&d.table);
	return r;
}
