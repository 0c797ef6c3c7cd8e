/* Linking TCP and UDP routers for the kernel tier. */
#include "conf/link_l4.h"
#include "conf/decode.h"
#include <errno.h>
#include <string.h>
#include "base/mem.h"

static const struct l4_conf *l4_of(const struct dynamic_conf *c, enum kern_proto proto)
{
	return proto == KERN_TCP ? &c->tcp : &c->udp;
}

/* TCP and UDP services of one name are two services: the key keeps them apart. */
static char *live_name(struct revision *rev, const char *name, enum kern_proto proto)
{
	return arena_printf(&rev->arena, "%s/%s", name, proto == KERN_TCP ? "tcp" : "udp");
}

static struct service *make_service(struct linker *l, const struct apply *a, const struct l4_lb_conf *lb,
				    const char *name, const struct opt_table *table, const void *was, const void *is)
{
	if (a->current && was && opt_equal(table, was, is)) {
		struct service *s = link_carry_over(l, name, true);
		if (s)
			return s;
	}
	struct link_servers *in = link_servers_new(l, lb->servers.n);
	in->l4 = true;
	for (size_t i = 0; i < in->n; i++) {
		const struct l4_server_conf *sc = opt_list_at(&lb->servers, i);
		in->names[i] = sc->address;
		in->weights[i] = (uint32_t)sc->weight;
		(void)endpoint_parse(str_of(sc->address), &in->at[i]); /* the option's check made sure */
	}
	return link_service(l, name, in);
}

static const uint32_t *weights_of(struct revision *rev, const struct l4_lb_conf *lb)
{
	uint32_t *w = arena_zalloc(&rev->arena, (lb->servers.n + 1) * sizeof(*w));
	for (size_t i = 0; i < lb->servers.n; i++)
		w[i] = (uint32_t)((const struct l4_server_conf *)opt_list_at(&lb->servers, i))->weight;
	return w;
}

static bool vip_taken(const struct revision *rev, enum kern_proto proto, const struct entry *e, const char **ret_by)
{
	for (size_t i = 0; i < rev->nl4; i++)
		if (rev->l4[i].proto == proto && endpoint_eq(&rev->l4[i].vip, &e->at) &&
		    rev->l4[i].last_port == e->last_port) {
			*ret_by = rev->l4[i].router;
			return true;
		}
	return false;
}

struct l4_router {
	const char *name;
	const struct router_conf *conf;
	enum kern_proto proto;
	struct service *service;
	const struct l4_lb_conf *lb;
};

static void bind_router(struct revision *rev, const struct apply *a, const struct l4_router *r, struct err_list *errs)
{
	const uint32_t *weights = weights_of(rev, r->lb);
	for (size_t i = 0; i < a->engine->nentries; i++) {
		const struct entry *e = &a->engine->entries[i];
		const char *by;
		if (!decode_listens(a->conf, r->proto == KERN_TCP ? DECODE_TCP : DECODE_UDP, r->conf, i))
			continue;
		if (vip_taken(rev, r->proto, e, &by)) {
			err_warn(errs, r->conf->at, r->name,
				 "entry point %s is already taken by router %s; this router gets nothing from it",
				 e->name, by);
			continue;
		}
		rev->l4[rev->nl4++] = (struct l4_binding){
			.router = r->name,
			.entry = e->name,
			.proto = r->proto,
			.vip = e->at,
			.last_port = e->last_port,
			.service = r->service,
			.weights = weights,
			.lb = r->lb,
		};
	}
}

static struct service *service_for(struct linker *l, struct revision *rev, const struct apply *a, enum kern_proto proto,
				   const char *name, const struct l4_lb_conf **ret_lb)
{
	const struct l4_service_conf *is = opt_map_get(&l4_of(&rev->conf, proto)->services, name);
	const struct l4_service_conf *was =
		a->current ? opt_map_get(&l4_of(&a->current->conf, proto)->services, name) : NULL;
	if (!is || !is->load_balancer)
		return NULL;
	*ret_lb = is->load_balancer;
	char *live = live_name(rev, name, proto);
	for (size_t i = 0; i < rev->nl4; i++)
		if (strcmp(rev->l4[i].service->name, live) == 0)
			return rev->l4[i].service;
	return make_service(l, a, is->load_balancer, live,
			    opt_table_at(&dynamic_table, proto == KERN_TCP ? "tcp.services" : "udp.services"), was, is);
}

static void link_protocol(struct linker *l, struct revision *rev, const struct apply *a, enum kern_proto proto,
			  struct err_list *errs)
{
	const struct opt_map *routers = &l4_of(&rev->conf, proto)->routers;
	for (size_t i = 0; i < routers->n; i++) {
		struct l4_router r = { .name = routers->keys[i], .conf = opt_map_at(routers, i), .proto = proto };
		r.service = service_for(l, rev, a, proto, r.conf->service, &r.lb);
		if (r.service)
			bind_router(rev, a, &r, errs);
	}
}

void link_l4(struct linker *l, struct revision *rev, const struct apply *a, struct err_list *errs)
{
	rev->l4 = arena_zalloc(&rev->arena, (a->engine->nentries + 1) * sizeof(*rev->l4)); /* a VIP is taken once */
	link_protocol(l, rev, a, KERN_TCP, errs);
	link_protocol(l, rev, a, KERN_UDP, errs);
}
