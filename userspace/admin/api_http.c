/* Walks the configuration of the current revision and adds what only the live snapshot knows: the servers' state. */
#include "admin/api_http.h"
#include "conf/decode.h"
#include "conf/internal_routes.h"

static const struct opt_map *conf_map(const struct apply *a, size_t offset)
{
	static const struct opt_map none;

	return a->current ? (const struct opt_map *)((const char *)&a->current->conf.http + offset) : &none;
}

#define MAP(a, member) conf_map((a), offsetof(struct http_conf, member))

/* ---- routers ---- */

static json_t *show_router(const struct apply *a, const char *name, const struct router_conf *r)
{
	json_t *o = view_conf(view_table("http", "routers"), r), *using = json_array();

	for (size_t i = 0; i < a->conf->entry_points.n; i++)
		if (decode_listens(a->conf, DECODE_HTTP, r, i))
			json_array_append_new(using, json_string(a->conf->entry_points.keys[i]));
	if (!r->entry_points.n)
		json_object_set(o, "entryPoints", using);
	view_priority(o, r->priority, r->rule);
	json_object_set_new(o, "using", using);
	view_identity(o, name);
	return o;
}

static json_t *show_internal(const struct internal_route *r)
{
	json_t *o = json_object();

	view_append(o, "entryPoints", r->entry);
	view_set(o, "rule", r->rule);
	view_set(o, "service", r->service);
	view_priority(o, r->priority, NULL);
	view_append(o, "using", r->entry);
	view_identity(o, r->name);
	return o;
}

json_t *api_http_routers(const struct apply *a)
{
	const struct opt_map *m = MAP(a, routers);
	struct internal_route internal[INTERNAL_ROUTES_MAX];
	size_t n = internal_routes(a->conf, internal, INTERNAL_ROUTES_MAX);
	json_t *all = json_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_set_new(all, m->keys[i], show_router(a, m->keys[i], opt_map_at(m, i)));
	for (size_t i = 0; i < n; i++)
		json_object_set_new(all, internal[i].name, show_internal(&internal[i]));
	return all;
}

/* ---- services ---- */

/* Kernel services of the same name have no policy: they are never picked from in user space. */
static const struct service *live_service(const struct apply *a, const char *name)
{
	const struct snapshot *s = a->current->snapshot;

	for (size_t i = 0; s && i < s->nservices; i++)
		if (s->services[i]->policy && !strcmp(s->services[i]->name, name))
			return s->services[i];
	return NULL;
}

static json_t *show_service(const struct apply *a, const char *name, const struct http_service_conf *c)
{
	json_t *o = view_conf(view_table("http", "services"), c);
	const struct service *live = live_service(a, name);

	if (live)
		json_object_set_new(o, "serverStatus", view_servers(live));
	if (c->load_balancer)
		view_set(o, "type", "loadbalancer");
	view_identity(o, name);
	return o;
}

static void add_internal_services(const struct apply *a, json_t *all)
{
	for (const struct internal_service *const *i = a->internals; i && *i; i++) {
		json_t *o = json_object();

		view_identity(o, (*i)->name);
		json_object_set_new(all, (*i)->name, o);
	}
}

static void add_internal_users(const struct apply *a, json_t *all)
{
	struct internal_route internal[INTERNAL_ROUTES_MAX];
	size_t n = internal_routes(a->conf, internal, INTERNAL_ROUTES_MAX);

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object_get(all, internal[i].service);

		if (o)
			view_append(o, "usedBy", internal[i].name);
	}
}

json_t *api_http_services(const struct apply *a)
{
	const struct opt_map *m = MAP(a, services), *routers = MAP(a, routers);
	json_t *all = json_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_set_new(all, m->keys[i], show_service(a, m->keys[i], opt_map_at(m, i)));
	add_internal_services(a, all);
	for (size_t i = 0; i < routers->n; i++) {
		const struct router_conf *r = opt_map_at(routers, i);
		json_t *o = r->service ? json_object_get(all, r->service) : NULL;

		if (o)
			view_append(o, "usedBy", routers->keys[i]);
	}
	add_internal_users(a, all);
	return all;
}

/* ---- middlewares ---- */

static json_t *show_middleware(const char *name, const struct middleware_conf *c)
{
	json_t *o = view_conf(view_table("http", "middlewares"), c);
	char type[64] = "";

	for (size_t i = 0; c->kind.variant && c->kind.variant->name[i] && i < sizeof(type) - 1; i++)
		type[i] = str_lower_char(c->kind.variant->name[i]);
	view_set(o, "type", type);
	view_identity(o, name);
	return o;
}

json_t *api_http_middlewares(const struct apply *a)
{
	const struct opt_map *m = MAP(a, middlewares), *routers = MAP(a, routers);
	json_t *all = json_object();

	for (size_t i = 0; i < m->n; i++)
		json_object_set_new(all, m->keys[i], show_middleware(m->keys[i], opt_map_at(m, i)));
	for (size_t i = 0; i < routers->n; i++) {
		const struct router_conf *r = opt_map_at(routers, i);

		for (size_t k = 0; k < r->middlewares.n; k++) {
			json_t *o = json_object_get(all, r->middlewares.v[k]);

			if (o)
				view_append(o, "usedBy", routers->keys[i]);
		}
	}
	return all;
}
