/* One walk for both protocols; what differs is a row. */
#include "admin/api_l4.h"
#include "conf/decode.h"

struct l4_kind {
	const char *section;
	enum kern_proto kern;
	enum decode_proto decode;
	size_t conf; /* offset in struct dynamic_conf */
};

static const struct l4_kind tcp = { "tcp", KERN_TCP, DECODE_TCP, offsetof(struct dynamic_conf, tcp) };
static const struct l4_kind udp = { "udp", KERN_UDP, DECODE_UDP, offsetof(struct dynamic_conf, udp) };

static const struct l4_conf *conf_of(const struct apply *a, const struct l4_kind *k)
{
	static const struct l4_conf none;

	return a->current ? (const struct l4_conf *)((const char *)&a->current->conf + k->conf) : &none;
}

static json_t *show_router(const struct apply *a, const struct l4_kind *k, const char *name,
			   const struct router_conf *r)
{
	json_t *o = view_conf(view_table(k->section, "routers"), r), *using = json_array();

	for (size_t i = 0; i < a->conf->entry_points.n; i++)
		if (decode_listens(a->conf, k->decode, r, i))
			json_array_append_new(using, json_string(a->conf->entry_points.keys[i]));
	if (!r->entry_points.n)
		json_object_set(o, "entryPoints", using);
	if (k->kern == KERN_TCP)
		view_priority(o, r->priority, r->rule);
	json_object_set_new(o, "using", using);
	view_identity(o, name);
	return o;
}

static json_t *routers(const struct apply *a, const struct l4_kind *k)
{
	const struct opt_map *m = &conf_of(a, k)->routers;
	json_t *all = json_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_set_new(all, m->keys[i], show_router(a, k, m->keys[i], opt_map_at(m, i)));
	return all;
}

static json_t *show_service(const struct l4_kind *k, const char *name, const struct l4_service_conf *c)
{
	json_t *o = view_conf(view_table(k->section, "services"), c);

	if (c->load_balancer)
		view_set(o, "type", "loadbalancer");
	view_identity(o, name);
	return o;
}

/* Only a service with a router lives: its servers are known from the bindings. */
static void add_servers(const struct apply *a, const struct l4_kind *k, json_t *all)
{
	for (size_t i = 0; a->current && i < a->current->nl4; i++) {
		const struct l4_binding *b = &a->current->l4[i];
		const struct router_conf *r =
			b->proto == k->kern ? opt_map_get(&conf_of(a, k)->routers, b->router) : NULL;
		json_t *o = r && r->service ? json_object_get(all, r->service) : NULL;

		if (o && !json_object_get(o, "serverStatus"))
			json_object_set_new(o, "serverStatus", view_servers(b->service));
	}
}

static json_t *services(const struct apply *a, const struct l4_kind *k)
{
	const struct l4_conf *c = conf_of(a, k);
	json_t *all = json_object();

	for (size_t i = 0; i < c->services.n; i++)
		json_object_set_new(all, c->services.keys[i],
				    show_service(k, c->services.keys[i], opt_map_at(&c->services, i)));
	for (size_t i = 0; i < c->routers.n; i++) {
		const struct router_conf *r = opt_map_at(&c->routers, i);
		json_t *o = r->service ? json_object_get(all, r->service) : NULL;

		if (o)
			view_append(o, "usedBy", c->routers.keys[i]);
	}
	add_servers(a, k, all);
	return all;
}

json_t *api_tcp_routers(const struct apply *a)
{
	return routers(a, &tcp);
}
json_t *api_tcp_services(const struct apply *a)
{
	return services(a, &tcp);
}
json_t *api_udp_routers(const struct apply *a)
{
	return routers(a, &udp);
}
json_t *api_udp_services(const struct apply *a)
{
	return services(a, &udp);
}
