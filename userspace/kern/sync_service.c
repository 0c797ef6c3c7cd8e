/* Installing services. Whatever the agent dies after, packets see a consistent state: a backend's record is complete
 * before any row names it, rows are complete before a VIP points at them, and a backend loses its rows before it is
 * marked down. */
#include "kern/sync_service.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/maglev.h"
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/probe.h"
#include "kern/rows.h"
#include "kern/settle.h"
#include "kern/sync_directory.h"
#include "kern/sync_quic.h"
#include "lb/count.h"
#include "xdp.skel.h"

#define TRAFFIC_WORDS (sizeof(struct lb_traffic) / sizeof(uint64_t))
#define NOWHERE	      ((struct place){ 0 })

/* What a sync is about to do: the table after it, and the id of every desired service and backend. */
struct plan {
	struct table table;
	int *service;  /* [n] */
	int **backend; /* [n][nbackends] */
	size_t n;
	bool *keep_service, *keep_backend; /* by id: desired */
	bool *new_backend;		   /* by id: given to another owner */
	uint64_t now_ns;
};

static bool usable(const struct kern_backend *b)
{
	return b->up && b->weight > 0;
}

/* Nothing but an outer header can carry one family to a host of the other. */
static void check_backend(const struct kern_service *s, const struct endpoint *at, size_t n, struct err_list *errs)
{
	bool tunnel = s->forwarding == KERN_IPIP || s->forwarding == KERN_GUE;

	if (addr_is_any(&at->addr) || (at->port == 0 && !s->last_port))
		err_add(errs, NOWHERE, s->name, "server %zu: XDP needs an address and a port", n);
	else if (!tunnel && addr_is_v4(&at->addr) != addr_is_v4(&s->vip.addr))
		err_add(errs, NOWHERE, s->name,
			"server %zu has an %s address and the service an %s one; addresses are rewritten, not "
			"translated: "
			"use servers of the same family, or forwarding ipip or gue",
			n, addr_is_v4(&at->addr) ? "IPv4" : "IPv6", addr_is_v4(&s->vip.addr) ? "IPv4" : "IPv6");
}

static void check_service(const struct kern_service *s, struct err_list *errs)
{
	if (strlen(s->name) >= LB_NAME_MAX)
		err_add(errs, NOWHERE, s->name, "the name is longer than the %d bytes the kernel tier keeps",
			LB_NAME_MAX - 1);
	if (addr_is_any(&s->vip.addr) || (s->vip.port == 0 && !s->last_port))
		err_add(errs, NOWHERE, s->name,
			"XDP needs one address and a port to serve, such as 198.18.0.10:53 or [fd00::10]:53");
	if (s->last_port && s->last_port <= s->vip.port)
		err_add(errs, NOWHERE, s->name, "the range of ports %u-%u is empty", s->vip.port, s->last_port);
	if ((unsigned)s->forwarding > KERN_GUE)
		err_add(errs, NOWHERE, s->name, "unknown forwarding");
	for (size_t i = 0; i < s->nbackends; i++)
		check_backend(s, &s->backends[i].at, i + 1, errs);
}

/* A port of its own may lie in another service's range, and then comes first. */
static bool collide(const struct kern_service *a, const struct kern_service *b)
{
	uint16_t a_last = a->last_port ? a->last_port : a->vip.port, b_last = b->last_port ? b->last_port : b->vip.port;

	if (a->proto != b->proto || !addr_eq(&a->vip.addr, &b->vip.addr) || !a->last_port != !b->last_port)
		return false;
	return a->vip.port <= b_last && b->vip.port <= a_last;
}

static void check_ranges(const struct kern_service *services, size_t n, size_t i, struct err_list *errs)
{
	size_t ranges = 0;

	for (size_t j = 0; j < n; j++)
		ranges += services[j].last_port && addr_eq(&services[j].vip.addr, &services[i].vip.addr);
	if (services[i].last_port && ranges > LB_RANGES)
		err_add(errs, NOWHERE, services[i].name, "its address has %zu ranges of ports; expected %d at most",
			ranges, LB_RANGES);
}

static int check(const struct kern_service *services, size_t n, struct err_list *errs)
{
	size_t before = errs->errors;

	for (size_t i = 0; i < n; i++) {
		check_service(&services[i], errs);
		check_ranges(services, n, i, errs);
		for (size_t j = 0; j < i; j++)
			if (collide(&services[i], &services[j]) && services[i].last_port)
				err_add(errs, NOWHERE, services[i].name,
					"ports %u-%u overlap %u-%u of %s; expected ranges apart from each other, or a "
					"single "
					"port, which comes before a range",
					services[i].vip.port, services[i].last_port, services[j].vip.port,
					services[j].last_port, services[j].name);
			else if (collide(&services[i], &services[j]))
				err_add(errs, NOWHERE, services[i].name,
					"the same address and port is already served by %s", services[j].name);
	}
	return errs->errors == before ? 0 : -EINVAL;
}

static void plan_free(struct plan *p)
{
	for (size_t i = 0; p->backend && i < p->n; i++)
		free(p->backend[i]);
	free(p->backend);
	free(p->service);
	free(p->keep_service);
	free(p->keep_backend);
	free(p->new_backend);
	table_free(&p->table);
}

static bool is_direct(const struct kern_service *s)
{
	return s->forwarding >= KERN_DSR;
}

/* What is rewritten has to be remembered. */
static void set_rules(const struct live *l, struct lb_service *to, const struct kern_service *s)
{
	bool track = s->track || !is_direct(s) || (l->track_udp && s->proto == KERN_UDP);

	to->rules = (track ? LB_RULE_TRACK : 0) | (s->affinity_ns ? LB_RULE_AFFINITY : 0) |
		    (s->quic_length ? LB_RULE_QUIC : 0);
	to->quic_length = s->quic_length;
	to->quic_config = s->quic_config;
	to->affinity = (uint32_t)((s->affinity_ns + NS_PER_S - 1) / NS_PER_S);
	to->echo = s->echo;
}

static void zero_if_new(struct bpf_map *counts, bool is_new, int id)
{
	if (is_new)
		(void)mapio_zero(bpf_map__fd(counts), (uint32_t)id, TRAFFIC_WORDS);
}

static int plan_backends(struct live *l, struct plan *p, const struct kern_service *s, size_t i)
{
	bool is_new;

	p->backend[i] = mem_zalloc((s->nbackends + 1) * sizeof(int));
	for (size_t j = 0; j < s->nbackends; j++) {
		int id = table_take_backend(&p->table, (uint32_t)p->service[i], &s->backends[j].at,
					    (uint8_t)s->forwarding, &is_new);

		if (id < 0)
			return id;
		zero_if_new(l->object->maps.backend_counts, is_new, id);
		if (is_new)
			l->rows_of[p->service[i]] = 0;
		p->new_backend[id] = is_new;
		p->backend[i][j] = id;
		p->keep_backend[id] = true;
	}
	return 0;
}

/* Services that stay take their ids first, so that nobody is given the id of one who is about to come back. */
static int plan_make(struct live *l, struct plan *p, const struct kern_service *services, size_t n)
{
	bool is_new;
	int r = 0;

	*p = (struct plan){ .n = n, .now_ns = probe_boot_ns() };
	table_copy(&p->table, &l->table);
	p->service = mem_zalloc((n + 1) * sizeof(*p->service));
	p->backend = mem_zalloc((n + 1) * sizeof(*p->backend));
	p->keep_service = mem_zalloc(p->table.nservices);
	p->keep_backend = mem_zalloc(p->table.nbackends);
	p->new_backend = mem_zalloc(p->table.nbackends);
	for (size_t i = 0; i < n; i++) {
		struct lb_vip_key vip = table_vip(&services[i].vip, services[i].last_port, (uint8_t)services[i].proto);
		int id = table_take_service(&p->table, services[i].name, &vip, &is_new);

		if (id < 0)
			return id;
		zero_if_new(l->object->maps.service_counts, is_new, id);
		if (is_new)
			l->rows_of[id] = 0;
		p->service[i] = id;
		p->keep_service[id] = true;
		set_rules(l, &p->table.services[id], &services[i]);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = plan_backends(l, p, &services[i], i);
	return r;
}

int sync_device(struct live *l, uint32_t ifindex)
{
	int fd = bpf_map__fd(l->object->maps.devices);
	uint32_t have;

	if (bpf_map_lookup_elem(fd, &ifindex, &have) == 0)
		return 0;
	return mapio_put(fd, ifindex, &ifindex);
}

/* Brings the next-hop fields of b up to date. 0, or why there is none (then what was known stays in force: a neighbour
 * that is being asked again has rarely moved). */
static int fill_hop(struct live *l, struct lb_backend *b)
{
	struct endpoint at = table_endpoint(b);
	struct neigh_hop hop;
	struct lb_addr src;
	int r = neigh_lookup(l->neigh, &at.addr, &hop);

	/* A router would send the packet, which is for the VIP, back to us. */
	if (r == 0 && b->mode == LB_MODE_DSR && hop.gateway)
		r = -EREMOTE;
	if (r == 0)
		r = sync_device(l, hop.ifindex);
	if (r < 0) {
		if (r != -EAGAIN)
			b->flags &= (uint16_t)~LB_BACKEND_NEXTHOP;
		return r;
	}
	src = table_addr(&hop.src);
	table_set_source(b, &src);
	b->ifindex = hop.ifindex;
	b->mtu = hop.mtu;
	memcpy(b->dmac, hop.dmac, sizeof(b->dmac));
	memcpy(b->smac, hop.smac, sizeof(b->smac));
	b->flags |= LB_BACKEND_NEXTHOP;
	return 0;
}

static void explain_hop(const struct kern_service *s, const struct kern_backend *b, int r, struct err_list *errs)
{
	char at[ENDPOINT_TEXT_MAX];

	endpoint_print(&b->at, at);
	if (r == -EADDRINUSE)
		err_warn(errs, NOWHERE, s->name, "%s is an address of this host; XDP can only send to other hosts", at);
	else if (r == -EREMOTE)
		err_warn(errs, NOWHERE, s->name,
			 "%s is behind a router; forwarding dsr reaches only servers on a network of this host: use "
			 "ipip, gue "
			 "or snat",
			 at);
	else
		err_warn(errs, NOWHERE, s->name, "no way to %s: %s; add a route to it", at, strerror(-r));
}

static int put_backend(struct live *l, const struct table *t, uint32_t id)
{
	return mapio_put(bpf_map__fd(l->object->maps.backends), id, &t->backends[id]);
}

static int put_service(struct live *l, const struct table *t, uint32_t id)
{
	return mapio_put(bpf_map__fd(l->object->maps.services), id, &t->services[id]);
}

/* Netlink keeps hops current (sync_hops), so a change of servers does not ask for all of them again; but for those that
 * an earlier agent left. */
static bool knows_hop(const struct live *l, const struct lb_backend *b)
{
	return l->resolved_ns && b->flags & LB_BACKEND_NEXTHOP;
}

/* Step 1: records. Flags are only raised here. */
static int install_records(struct live *l, struct plan *p, const struct kern_service *s, size_t i,
			   struct err_list *errs)
{
	int r = put_service(l, &p->table, (uint32_t)p->service[i]);

	for (size_t j = 0; r == 0 && j < s->nbackends; j++) {
		struct lb_backend *b = &p->table.backends[p->backend[i][j]];
		int hop = knows_hop(l, b) ? 0 : fill_hop(l, b);

		if (hop == -EAGAIN)
			l->unresolved = true;
		else if (hop < 0)
			explain_hop(s, &s->backends[j], hop, errs);
		if (usable(&s->backends[j]))
			b->flags |= LB_BACKEND_UP;
		r = put_backend(l, &p->table, (uint32_t)p->backend[i][j]);
	}
	return r;
}

static uint64_t endpoint_hash(const struct endpoint *at)
{
	uint8_t bytes[18];

	memcpy(bytes, at->addr.b, 16);
	bytes[16] = (uint8_t)(at->port >> 8);
	bytes[17] = (uint8_t)at->port;
	return hash_bytes(bytes, sizeof(bytes), 0);
}

/* Whose id it was when the row was moved, it is not now. */
static bool is_strange(void *ctx, uint16_t id)
{
	const struct plan *p = ctx;

	return id >= p->table.nbackends || p->new_backend[id];
}

/* Do rows remember what they were? Where every flow has an entry of its own, none asks. */
static bool is_remembered(const struct kern_service *s)
{
	return is_direct(s) || s->affinity_ns;
}

static int put_rows(struct live *l, struct plan *p, const struct kern_service *s, uint32_t service,
		    const struct maglev_backend *mb)
{
	_cleanup_free_ uint16_t *want = mem_alloc(l->maglev_size * sizeof(*want));
	struct rows rows;
	int r = maglev_build(want, l->maglev_size, mb, s->nbackends);

	if (r == 0)
		r = rows_read(l, service, &rows);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < l->maglev_size; i++)
		want[i] &= LB_ROW_NONE;
	rows_move(&rows, want, is_remembered(s), (uint16_t)(p->now_ns / NS_PER_S), is_strange, p);
	r = rows_write(l, service, &rows);
	rows_free(&rows);
	return r;
}

/* Step 3: a new Maglev table, if membership or weights changed. */
static int install_rows(struct live *l, struct plan *p, const struct kern_service *s, size_t i)
{
	_cleanup_free_ struct maglev_backend *mb = mem_zalloc((s->nbackends + 1) * sizeof(*mb));
	uint32_t id = (uint32_t)p->service[i];
	uint64_t print;
	int r;

	for (size_t j = 0; j < s->nbackends; j++) {
		mb[j].hash = endpoint_hash(&s->backends[j].at);
		mb[j].weight = usable(&s->backends[j]) ? s->backends[j].weight : 0;
		mb[j].id = (uint16_t)p->backend[i][j];
	}
	print = hash_bytes(mb, s->nbackends * sizeof(*mb), l->maglev_size * 2 + is_remembered(s)) | 1;
	if (l->rows_of[id] == print)
		return 0;
	r = put_rows(l, p, s, id, mb);
	if (r == 0)
		l->rows_of[id] = print;
	settle_void(l);
	return r;
}

/* Step 2: answers of new backends are ours before packets go there. The services are still those of before. */
static int install_sources(struct live *l, struct plan *p)
{
	struct table t = { .services = l->table.services,
			   .nservices = l->table.nservices,
			   .backends = p->table.backends,
			   .nbackends = p->table.nbackends };

	return sync_directory(l, &t);
}

/* The server ids that QUIC connection ids carry; before anybody is sent by them. */
static int install_quic(struct live *l, struct plan *p, const struct kern_service *services, size_t n)
{
	struct sync_quic q;
	int r = 0;

	sync_quic_begin(&q, l);
	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t j = 0; r == 0 && services[i].quic_length && j < services[i].nbackends; j++)
			r = sync_quic_put(&q, (uint32_t)p->service[i], &services[i], j, (uint32_t)p->backend[i][j]);
	sync_quic_end(&q, r == 0);
	return r;
}

/* Step 4: who is gone is no longer reachable, who is new is. */
static int install_directory(struct live *l, struct plan *p)
{
	for (uint32_t id = 0; id < p->table.nservices; id++)
		if (p->table.services[id].active && !p->keep_service[id])
			table_retire_service(&p->table, id, p->now_ns);
	return sync_directory(l, &p->table);
}

/* Step 5: backends that may get no new flows: down, or without weight. */
static int lower(struct live *l, struct plan *p, const struct kern_service *services, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; r == 0 && j < services[i].nbackends; j++) {
			uint32_t id = (uint32_t)p->backend[i][j];

			if (usable(&services[i].backends[j]) || !(p->table.backends[id].flags & LB_BACKEND_UP))
				continue;
			p->table.backends[id].flags &= (uint16_t)~LB_BACKEND_UP;
			r = put_backend(l, &p->table, id);
		}
	return r;
}

/* Step 6: what is gone keeps its record, for the connections it still has and in case it comes back. */
static int retire(struct live *l, struct plan *p)
{
	int r = 0;

	for (uint32_t id = 0; r == 0 && id < p->table.nservices; id++) {
		if (!l->table.services[id].active || p->table.services[id].active)
			continue;
		rows_drop(l, id);
		r = put_service(l, &p->table, id);
	}
	for (uint32_t id = 0; r == 0 && id < p->table.nbackends; id++) {
		if (!table_backend_active(&p->table.backends[id]) || p->keep_backend[id])
			continue;
		table_retire_backend(&p->table, id, p->now_ns);
		r = put_backend(l, &p->table, id);
	}
	return r;
}

static int install(struct live *l, struct plan *p, const struct kern_service *services, size_t n, struct err_list *errs)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = install_records(l, p, &services[i], i, errs);
	if (r == 0)
		r = install_sources(l, p);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = install_rows(l, p, &services[i], i);
	if (r == 0)
		r = install_quic(l, p, services, n);
	if (r == 0)
		r = install_directory(l, p);
	if (r == 0)
		r = lower(l, p, services, n);
	if (r == 0)
		r = retire(l, p);
	return r;
}

int sync_service(struct live *l, const struct kern_service *services, size_t n, struct err_list *errs)
{
	struct plan p;
	int r = check(services, n, errs);

	if (r < 0)
		return r;
	r = plan_make(l, &p, services, n);
	if (r == -ENOSPC)
		err_add(errs, NOWHERE, "kernel",
			"more services or servers than kernel.maxServices (%u) and kernel.maxBackends (%u)",
			l->table.nservices, l->table.nbackends);
	if (r == 0) {
		r = install(l, &p, services, n, errs);
		if (r < 0)
			err_add(errs, NOWHERE, "kernel", "writing the XDP maps failed: %s", strerror(-r));
		table_free(&l->table);
		l->table = p.table;
		p.table = (struct table){ 0 };
	}
	plan_free(&p);
	return r;
}

/* A new source address is one that answers come to before packets leave with it. */
void sync_hops(struct live *l)
{
	_cleanup_free_ bool *changed = mem_zalloc(l->table.nbackends);
	bool any = false;

	l->unresolved = false;
	for (uint32_t id = 0; id < l->table.nbackends; id++) {
		struct lb_backend *b = &l->table.backends[id], before = *b;

		if (!(b->flags & LB_BACKEND_USED))
			continue;
		if (fill_hop(l, b) == -EAGAIN && !b->retired)
			l->unresolved = true;
		changed[id] = memcmp(&before, b, sizeof(before)) != 0;
		any |= changed[id];
	}
	if (any)
		(void)sync_directory(l, &l->table);
	for (uint32_t id = 0; any && id < l->table.nbackends; id++)
		if (changed[id])
			(void)put_backend(l, &l->table, id);
}
