#include "world.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "kern/pin.h"
#include "net.h"

#define PREFIXES   100000
#define FAR_SUBNET WORLDS

static const struct setting {
	const char *name;
	uint32_t max_flows;
	bool lists, limits, one;
} settings[WORLDS] = {
	[PLAIN] = { "plain", 1 << 21, false, false, false },  [NAT] = { "nat", 1 << 17, false, false, false },
	[FULL] = { "full", 1 << 16, false, false, false },    [LISTS] = { "lists", 1 << 21, true, false, false },
	[LIMITS] = { "limits", 1 << 21, false, true, false }, [GUARD] = { "guard", 1 << 21, true, true, false },
	[MOVED] = { "moved", 1 << 21, false, false, true },   [RING] = { "ring", 64, false, false, true },
};

/* family and port: the servers'; far: they are behind another interface than clients. */
static const struct offer {
	const char *name, *vip;
	enum kern_proto proto;
	enum kern_forwarding forwarding;
	int family;
	uint16_t port;
	bool far, track;
} offers[] = {
	{ "ipip", VIP_IPIP, KERN_TCP, KERN_IPIP, AF_INET, VIP_PORT, false, false },
	{ "ipip-udp", VIP_IPIP, KERN_UDP, KERN_IPIP, AF_INET, VIP_PORT, false, false },
	{ "six", VIP_SIX, KERN_TCP, KERN_IPIP, AF_INET6, VIP_PORT, false, false },
	{ "to-six", VIP_TO_SIX, KERN_TCP, KERN_IPIP, AF_INET6, VIP_PORT, false, false },
	{ "gue", VIP_GUE, KERN_TCP, KERN_GUE, AF_INET, VIP_PORT, false, false },
	{ "dsr", VIP_DSR, KERN_TCP, KERN_DSR, AF_INET, VIP_PORT, false, false },
	{ "snat", VIP_SNAT, KERN_TCP, KERN_SNAT, AF_INET, SNAT_PORT, false, false },
	{ "far", VIP_FAR, KERN_TCP, KERN_SNAT, AF_INET, SNAT_PORT, true, false },
	{ "track", VIP_TRACK, KERN_TCP, KERN_IPIP, AF_INET, VIP_PORT, false, true },
};

/* ---- the guard ---- */

/* Networks all over the address space, as lists of evildoers have them, but for the bench's own. */
static struct prefix *make_prefixes(void)
{
	struct prefix *v = mem_zalloc(PREFIXES * sizeof(*v));
	uint32_t n = 0;

	for (uint32_t i = 0; n < PREFIXES; i++) {
		uint32_t net = i * 2654435761u;
		struct prefix *p = &v[n];

		if (net >> 17 == (198 << 8 | 18) >> 1)
			continue;
		*p = (struct prefix){ .len = 96 + 24, .addr = addr_any4 };
		p->addr.b[12] = (uint8_t)(net >> 24);
		p->addr.b[13] = (uint8_t)(net >> 16);
		p->addr.b[14] = (uint8_t)(net >> 8);
		n++;
	}
	return v;
}

static struct kern_guard make_guard(const struct setting *s, const struct prefix *prefixes)
{
	struct kern_guard g = { .filter = s->lists, .deny = prefixes, .ndeny = s->lists ? PREFIXES : 0 };

	if (s->limits) {
		g.packets_per_second = g.packets_burst = 1000000000;
		g.connections_per_second = g.connections_burst = 1000000000;
	}
	g.max_sources = 1 << 16;
	return g;
}

/* ---- services ---- */

static int install(const struct world *w, const struct kern_service *s, size_t n)
{
	struct err_list errs;
	int r;

	err_init(&errs);
	r = w->kern->ops->sync(w->kern, s, n, &errs);
	err_print(&errs, stderr);
	err_free(&errs);
	return r;
}

static struct kern_service make_service(const struct offer *o, struct kern_backend *servers)
{
	struct kern_service s = { .name = o->name,
				  .vip.port = VIP_PORT,
				  .proto = o->proto,
				  .forwarding = o->forwarding,
				  .track = o->track,
				  .backends = servers,
				  .nbackends = NET_SERVERS };

	(void)addr_parse(str_of(o->vip), &s.vip.addr);
	return s;
}

static void fill_servers(const struct world *w, const struct offer *o, struct kern_backend *ret)
{
	for (unsigned i = 0; i < NET_SERVERS; i++)
		ret[i] =
			(struct kern_backend){ .at = net_server(o->far ? FAR_SUBNET : w->subnet, o->family, i, o->port),
					       .weight = 1,
					       .up = true };
}

static int install_all(const struct world *w)
{
	struct kern_backend servers[ARRAY_LEN(offers)][NET_SERVERS];
	struct kern_service services[ARRAY_LEN(offers)];

	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		fill_servers(w, &offers[i], servers[i]);
		services[i] = make_service(&offers[i], servers[i]);
	}
	return install(w, services, ARRAY_LEN(offers));
}

int world_weigh(const struct world *w, uint32_t weight)
{
	struct kern_backend servers[NET_SERVERS];
	struct kern_service s = make_service(&offers[0], servers);

	fill_servers(w, &offers[0], servers);
	servers[0].weight = weight;
	return install(w, &s, 1);
}

/* ---- opening ---- */

/* The program on the pinned link: whatever put it there. */
static int find_program(const char *pin_path, const char *interface)
{
	_cleanup_close_ int link = -1;
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PIN_PATH_MAX];

	if (pin_link_path(pin_path, interface, path) < 0)
		return -ENAMETOOLONG;
	link = bpf_obj_get(path);
	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &len) < 0)
		return -errno;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

static int open_kern(struct world *w, const struct setting *s)
{
	_cleanup_free_ struct prefix *prefixes = make_prefixes();
	char name[16], path[PIN_PATH_MAX];
	const char *interface = name;
	struct kern_conf c = { .interfaces = &interface,
			       .ninterfaces = 1,
			       .mode = KERN_XDP_NATIVE,
			       .pin_path = path,
			       .max_services = 512,
			       .max_backends = 4096,
			       .max_flows = s->max_flows,
			       .maglev_size = 65537,
			       .udp_timeout_ns = 60 * NS_PER_S,
			       .tcp_timeout_ns = 7440 * NS_PER_S,
			       .tcp_opening_ns = 30 * NS_PER_S,
			       .tcp_closed_ns = NS_PER_S,
			       .snat_port_lo = 10000,
			       .snat_port_hi = 32767,
			       .guard = make_guard(s, prefixes) };
	struct err_list errs;
	int r;

	net_name(w->subnet, name);
	snprintf(path, sizeof(path), "/sys/fs/bpf/bench-%s", s->name);
	err_init(&errs);
	r = kern_open(&c, &w->kern, &errs);
	err_print(&errs, stderr);
	err_free(&errs);
	if (r == 0)
		r = w->prog = find_program(path, name);
	return r < 0 ? r : 0;
}

int world_open(struct world *w, enum world_id id)
{
	uint32_t far;
	int r = net_subnet(FAR_SUBNET, &far);

	*w = (struct world){ .subnet = id };
	if (r == 0)
		r = net_subnet(w->subnet, &w->ifindex);
	if (r == 0)
		r = open_kern(w, &settings[id]);
	if (r == 0)
		r = settings[id].one ? world_weigh(w, 1) : install_all(w);
	if (r == 0 && id == MOVED)
		r = world_weigh(w, 2);
	if (r < 0)
		fprintf(stderr, "the balancer \"%s\" did not start: %s\n", settings[id].name, strerror(-r));
	return r;
}

void world_close(struct world *w)
{
	if (!w->kern)
		return;
	close(w->prog);
	w->kern->ops->close(w->kern, false);
	w->kern = NULL;
}

void world_refresh(const struct world *w)
{
	w->kern->ops->refresh(w->kern);
}

void world_source(const struct world *w, char out[ADDR_TEXT_MAX])
{
	snprintf(out, ADDR_TEXT_MAX, "198.18.%u.1", w->subnet);
}

/* ---- counters ---- */

static void on_count(void *ctx, const struct kern_count *c)
{
	struct tally *t = ctx;

	if (!c->reason || c->service || c->backend || t->n == TALLY_MAX)
		return;
	snprintf(t->row[t->n].reason, sizeof(t->row[0].reason), "%s", c->reason);
	t->row[t->n++].n = c->value;
}

void world_tally(const struct world *w, struct tally *ret)
{
	ret->n = 0;
	w->kern->ops->counts(w->kern, on_count, ret);
}

uint64_t tally_of(const struct tally *t, const char *reason)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->row[i].reason, reason) == 0)
			return t->row[i].n;
	return 0;
}
