/* The program is loaded with the balancer's own map `backends`, so a check finds the backend as a packet would. Whether
 * rule and route are there is asked of the kernel for every check: it costs microseconds, and an interface that went
 * down and came back has taken the route with it. */
#include "kern/probe_path.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/pin.h"
#include "kern/probe_route.h"
#include "kern/probe_source.h"
#include "lb/probe.h"
#include "probe.skel.h"
#include "xdp.skel.h"

#define RULE_PIN "probe_rule"

/* A server that has not got the VIP but routes would send the check to its gateway, maybe us, and another server would
 * pass it. So a check gets as far as something behind the server, a container, and is used up when it is back here; dsr
 * does not look at hops, so there it must be used up at the server. */
#define HOPS	 2
#define HOPS_DSR 1

struct probe_path {
	struct probe_bpf *object;
	struct rtnl *ask;
	bool placed[2]; /* IPv4, IPv6: by this run */
};

static int load(struct live *l, struct probe_bpf **ret)
{
	struct probe_bpf *o = probe_bpf__open();
	int r;

	if (!o)
		return -errno;
	r = bpf_map__reuse_fd(o->maps.backends, bpf_map__fd(l->object->maps.backends));
	if (r == 0)
		r = probe_bpf__load(o);
	if (r < 0)
		probe_bpf__destroy(o);
	else
		*ret = o;
	return r;
}

static void path_free(struct probe_path **p)
{
	if (!*p)
		return;
	probe_bpf__destroy((*p)->object);
	rtnl_close(&(*p)->ask);
	free(*p);
	*p = NULL;
}

/* Before there is a rule, so that whoever comes after us finds what to remove. */
static int pin_rule(const struct live *l, const struct probe_bpf *o)
{
	const struct lb_probe_rule rule = { l->probe.mark, l->probe.table, l->probe.priority, 0 };
	char path[PIN_PATH_MAX];
	int fd = bpf_map__fd(o->maps.probe_rule), r = mapio_put(fd, 0, &rule);

	if (r == 0)
		r = pin_map_path(l->pin_path, RULE_PIN, path);
	if (r == 0 && bpf_obj_pin(fd, path) < 0)
		r = -errno;
	return r;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int path_open(struct live *l)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	struct probe_path *p = mem_zalloc(sizeof(*p));
	int r = load(l, &p->object);

	libbpf_set_print(before);
	if (r == 0)
		r = rtnl_open(&p->ask);
	if (r == 0)
		r = pin_rule(l, p->object);
	if (r < 0)
		path_free(&p);
	l->probes = p;
	return r;
}

/* A marked packet to the VIP finds our table. */
static bool in_place(const struct live *l, const struct addr *vip, uint32_t mark)
{
	struct neigh_route r;

	return neigh_route(l->neigh, vip, mark, &r) == 0 && r.table == l->probe.table && r.type == RTN_UNICAST;
}

static int place(struct live *l, const struct addr *vip, uint32_t mark, uint32_t ifindex)
{
	bool six = !addr_is_v4(vip);
	int r = l->probes ? 0 : path_open(l);

	if (r < 0 || (l->probes->placed[six] && in_place(l, vip, mark)))
		return r;
	r = probe_route_put(l->probes->ask, &l->probe, six, ifindex,
			    bpf_program__fd(l->probes->object->progs.sluice_probe));
	if (r == 0)
		l->probes->placed[six] = true;
	return r;
}

static bool is_service(const struct lb_service *have, const struct kern_service *s, const struct lb_vip_key *vip)
{
	return have->active && strcmp(have->name, s->name) == 0 && memcmp(&have->vip, vip, sizeof(*vip)) == 0;
}

/* -ENOENT: not in force. */
static int find_service(const struct table *t, const struct kern_service *s)
{
	struct lb_vip_key vip = table_vip(&s->vip, s->last_port, (uint8_t)s->proto);

	for (uint32_t id = 0; id < t->nservices; id++)
		if (is_service(&t->services[id], s, &vip))
			return (int)id;
	return -ENOENT;
}

static int find_backend(const struct table *t, const struct kern_service *s, const struct endpoint *at)
{
	int service = find_service(t, s);

	for (uint32_t id = 0; service >= 0 && id < t->nbackends; id++) {
		const struct lb_backend *b = &t->backends[id];
		struct endpoint have = table_endpoint(b);

		if (b->service == service && b->mode == s->forwarding && table_backend_active(b) &&
		    endpoint_eq(&have, at))
			return (int)id;
	}
	return -ENOENT;
}

static void tell(struct kern_probe_path *ret, const char *problem, const char *remedy)
{
	snprintf(ret->problem, sizeof(ret->problem), "%s%s%s", problem, remedy[0] ? "; " : "", remedy);
}

static void tell_place(struct kern_probe_path *ret, int r)
{
	char text[PROBE_TEXT_MAX];

	snprintf(text, sizeof(text), "the rule and the route for it could not be made: %s", strerror(-r));
	tell(ret, text, r == -EOPNOTSUPP ? "the kernel needs CONFIG_LWTUNNEL_BPF" : "");
}

int probe_path_find(struct live *l, const struct kern_service *s, const struct endpoint *backend,
		    struct kern_probe_path *ret)
{
	char problem[PROBE_TEXT_MAX], remedy[PROBE_TEXT_MAX];
	struct probe_source source;
	int id, r;

	*ret = (struct kern_probe_path){ 0 };
	if (!kern_is_direct(s->forwarding))
		return -EOPNOTSUPP;
	id = find_backend(&l->table, s, backend);
	if (id < 0)
		return id;
	r = probe_source_find(l->neigh, &s->vip.addr, &backend->addr, &source, problem, remedy);
	if (r < 0) {
		tell(ret, problem, remedy);
		return r;
	}
	ret->from = source.from;
	ret->hops = s->forwarding == KERN_DSR ? HOPS_DSR : HOPS;
	ret->mark = l->probe.mark | (uint32_t)id;
	r = place(l, &s->vip.addr, ret->mark, source.ifindex);
	if (r < 0)
		tell_place(ret, r);
	return r;
}

void probe_path_take_out(const char *pin_path)
{
	_cleanup_close_ int fd = -1;
	char path[PIN_PATH_MAX];
	struct lb_probe_rule rule;
	struct rtnl *ask;
	uint32_t zero = 0;

	if (pin_map_path(pin_path, RULE_PIN, path) < 0)
		return;
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &rule) < 0 || rtnl_open(&ask) < 0)
		return;
	probe_route_remove(ask, &(struct kern_probe){ rule.mark, rule.table, rule.priority });
	rtnl_close(&ask);
	unlink(path);
}

void probe_path_keep_if_used(struct live *l, const struct kern_service *services, size_t n)
{
	if (!l->probes)
		return;
	for (size_t i = 0; i < n; i++)
		if (services[i].checked && kern_is_direct(services[i].forwarding))
			return;
	probe_path_close(l);
}

void probe_path_close(struct live *l)
{
	if (!l->probes)
		return;
	probe_path_take_out(l->pin_path);
	path_free(&l->probes);
}
