/* Linking: routers to compiled rules, middlewares and services; servers to live targets. */
#include "conf/link.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "conf/decode.h"
#include "conf/internal_routes.h"
#include "conf/link_l4.h"
#include "conf/link_tls.h"
#include "conf/redirection.h"
#include "http/uri.h"

struct linker {
	const struct apply *apply;
	struct revision *rev;
	struct snapshot *snap;
	struct err_list *errs;
	size_t cap_services;
};

static char *keyf(struct linker *l, const char *fmt, const char *name)
{
	char text[512];
	snprintf(text, sizeof(text), fmt, name);
	return arena_strdup(&l->rev->arena, text);
}

/* ---- services ---- */

static void drop_service(void *p)
{
	struct service *s = p;
	service_unref(&s);
}

/* Hands the linker's reference to the snapshot. */
static struct service *keep_service(struct linker *l, struct service *s)
{
	if (l->snap->nservices == l->cap_services) {
		size_t cap = l->cap_services ? l->cap_services * 2 : 16;
		struct service **v = arena_alloc(&l->snap->arena, cap * sizeof(*v));
		if (l->snap->nservices)
			memcpy(v, l->snap->services, l->snap->nservices * sizeof(*v));
		l->snap->services = v;
		l->cap_services = cap;
	}
	l->snap->services[l->snap->nservices++] = s;
	arena_defer(&l->snap->arena, drop_service, s);
	return s;
}

static struct service *live_service(const struct apply *a, const char *name, bool l4)
{
	const struct snapshot *old = a->current ? a->current->snapshot : NULL;
	for (size_t i = 0; old && i < old->nservices; i++)
		if ((old->services[i]->policy == NULL) == l4 && strcmp(old->services[i]->name, name) == 0)
			return old->services[i];
	return NULL;
}

/* A server whose transport is another one starts anew: its idle connections were made under the old one. */
static struct target *live_target(const struct service *s, const char *name, const struct endpoint *at,
				  const struct transport *transport)
{
	for (size_t i = 0; s && i < s->ntargets; i++)
		if (strcmp(s->targets[i]->name, name) == 0 && endpoint_eq(&s->targets[i]->at, at) &&
		    s->targets[i]->transport == transport)
			return target_ref(s->targets[i]);
	return NULL;
}

static struct target *make_target(struct linker *l, const struct service *before, const char *service, const char *name,
				  const struct endpoint *at, struct transport *transport)
{
	static const char *const labels[] = { "service", "url" };
	struct target *t = live_target(before, name, at, transport);
	if (t)
		return t;
	t = target_new(name, at, transport, l->apply->engine->nworkers);
	if (l->apply->conf->metrics.prometheus) {
		struct metric_family *f =
			metric_family("traefik_service_server_up", "Whether a server is up (1) or down (0).",
				      METRIC_GAUGE, labels, 2, NULL, 0);
		t->up_series = metric_series_get(f, (const char *const[]){ service, name });
		metric_set(t->up_series, 1);
	}
	return t;
}

/* Host and port of a server URL; names are resolved here, on the control thread. */
static int resolve(const char *url, struct endpoint *ret)
{
	struct uri u;
	char host[256], port[8];
	if (uri_parse(str_of(url), &u) < 0 || u.host.n >= sizeof(host))
		return -EINVAL;
	ret->port = u.port ? u.port : str_ieq(u.scheme, STR("https")) ? 443 : 80;
	if (addr_parse(u.host, &ret->addr) == 0)
		return 0;
	memcpy(host, u.host.p, u.host.n);
	host[u.host.n] = '\0';
	snprintf(port, sizeof(port), "%u", ret->port);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -ENOENT;
	int rc = endpoint_from_sockaddr(found->ai_addr, ret);
	freeaddrinfo(found);
	return rc;
}

struct service *link_service(struct linker *l, const char *name, const struct link_servers *in)
{
	struct service *before = live_service(l->apply, name, in->l4);
	struct target **targets = arena_zalloc(&l->rev->arena, (in->n + 1) * sizeof(*targets));
	for (size_t i = 0; i < in->n; i++)
		targets[i] = make_target(l, before, name, in->names[i], &in->at[i], in->transport);
	struct service_spec spec = {
		.name = name,
		.pass_host_header = in->pass_host_header,
		.limits = in->limits,
		.policy = in->policy,
		.targets = targets,
		.weights = in->weights,
		.ntargets = in->n,
		.workers = l->apply->engine->nworkers,
	};
	struct service *s = service_new(&spec);
	for (size_t i = 0; i < in->n; i++)
		target_unref(&targets[i]);
	return keep_service(l, s);
}

struct service *link_carry_over(struct linker *l, const char *name, bool l4)
{
	struct service *s = live_service(l->apply, name, l4);
	return s ? keep_service(l, service_ref(s)) : NULL;
}

struct link_servers *link_servers_new(struct linker *l, size_t n)
{
	struct arena *a = &l->rev->arena;
	struct link_servers *in = arena_zalloc(a, sizeof(*in));
	in->names = arena_zalloc(a, (n + 1) * sizeof(*in->names));
	in->at = arena_zalloc(a, (n + 1) * sizeof(*in->at));
	in->weights = arena_zalloc(a, (n + 1) * sizeof(*in->weights));
	in->n = n;
	return in;
}

/* What a service says of itself is compared elsewhere. */
static bool has_transport(const struct service *s, const struct transport *t, const struct servers_transport_conf *c)
{
	if (s &&
	    (s->limits.dial_ns != c->timeouts.dial_ns || s->limits.idle_ns != c->timeouts.idle_ns ||
	     s->limits.response_head_ns != c->timeouts.response_head_ns || s->limits.max_idle != (unsigned)c->max_idle))
		return false;
	for (size_t i = 0; s && i < s->ntargets; i++)
		if (s->targets[i]->transport != t)
			return false;
	return true;
}

static struct service_limits limits_of(const struct servers_transport_conf *t, const struct http_lb_conf *lb)
{
	return (struct service_limits){
		.dial_ns = t->timeouts.dial_ns,
		.response_head_ns = t->timeouts.response_head_ns,
		.idle_ns = t->timeouts.idle_ns,
		.max_idle = (unsigned)t->max_idle,
		.max_connections = lb ? (unsigned)lb->max_connections : 0,
		.max_queue = lb ? (unsigned)lb->max_queue : 0,
		.queue_ns = lb ? lb->queue_ns : 0,
	};
}

static const struct servers_transport_conf *transport_conf_of(const struct linker *l, const struct http_lb_conf *lb)
{
	const struct servers_transport_conf *named =
		lb && lb->servers_transport ? opt_map_get(&l->rev->conf.http.servers_transports, lb->servers_transport)
					    : NULL;
	return named ? named : &l->apply->conf->servers_transport;
}

static struct service *link_http_service(struct linker *l, const char *name, const struct http_service_conf *conf)
{
	const struct dynamic_conf *old = l->apply->current ? &l->apply->current->conf : NULL;
	const struct http_service_conf *was = old ? opt_map_get(&old->http.services, name) : NULL;
	const struct http_lb_conf *lb = conf->load_balancer;
	const struct servers_transport_conf *tc = transport_conf_of(l, lb);
	struct transport *transport = transports_find(&l->rev->transports, lb ? lb->servers_transport : NULL);
	if (was && opt_equal(opt_table_at(&dynamic_table, "http.services"), was, conf) &&
	    has_transport(live_service(l->apply, name, false), transport, tc)) {
		struct service *s = link_carry_over(l, name, false);
		if (s)
			return s;
	}
	size_t n = lb ? lb->servers.n : 0;
	struct link_servers *in = link_servers_new(l, n);
	for (size_t i = 0; i < n; i++) {
		const struct http_server_conf *sc = opt_list_at(&lb->servers, i);
		in->names[i] = sc->url;
		in->weights[i] = (uint32_t)sc->weight;
		if (resolve(sc->url, &in->at[i]) < 0)
			err_add(l->errs, sc->at, keyf(l, "http.services.%s.loadBalancer.servers", name),
				"the host of %s cannot be resolved", sc->url);
	}
	in->policy = balance_all[lb ? lb->strategy : 0];
	in->transport = transport;
	in->pass_host_header = lb ? lb->pass_host_header : true;
	in->limits = limits_of(tc, lb);
	return link_service(l, name, in);
}

/* ---- routers ---- */

static struct service *find_service(const struct linker *l, const char *name)
{
	for (size_t i = 0; i < l->snap->nservices; i++)
		if (l->snap->services[i]->policy && strcmp(l->snap->services[i]->name, name) == 0)
			return l->snap->services[i];
	return NULL;
}

static const struct internal_service *find_internal(const struct linker *l, const char *name)
{
	for (const struct internal_service *const *i = l->apply->internals; i && *i; i++)
		if (strcmp((*i)->name, name) == 0)
			return *i;
	return NULL;
}

static void drop_httpset(void *p)
{
	struct httpset *s = p;
	httpset_unref(&s);
}

static struct httpset *make_httpset(struct linker *l, enum httpset_scope scope, const char *name, const char *second)
{
	struct httpset *s = httpset_new(scope, name, second);
	arena_defer(&l->snap->arena, drop_httpset, s);
	return s;
}

static void link_metrics(struct linker *l, struct route *rt)
{
	const struct prometheus_conf *p = l->apply->conf->metrics.prometheus;
	if (!p || (rt->is_internal && !l->apply->engine->log_internals))
		return;
	if (p->add_routers_labels)
		rt->router_metrics = make_httpset(l, HTTPSET_ROUTER, rt->name, rt->service_name);
	if (p->add_services_labels)
		rt->service_metrics = make_httpset(l, HTTPSET_SERVICE, rt->service_name, NULL);
}

static void link_middlewares(struct linker *l, struct route *rt, const struct router_conf *rc)
{
	rt->mws = arena_zalloc(&l->snap->arena, (rc->middlewares.n + 1) * sizeof(*rt->mws));
	for (size_t i = 0; i < rc->middlewares.n; i++) {
		const char *name = rc->middlewares.v[i];
		const struct middleware_conf *mc = opt_map_get(&l->rev->conf.http.middlewares, name);
		struct mw *m = &rt->mws[rt->nmws];
		if (!mc || !mc->kind.variant)
			continue; /* decode said so already */
		*m = (struct mw){ .type = mc->kind.variant->tag, .name = name };
		if (m->type->create(mc->kind.value, &l->snap->arena, mc->at, keyf(l, "http.middlewares.%s", name),
				    l->errs, &m->ctx) == 0)
			rt->nmws++;
	}
}

static struct route *link_router(struct linker *l, const char *name, const struct router_conf *rc)
{
	struct route *rt = arena_zalloc(&l->snap->arena, sizeof(*rt));
	rt->name = arena_strdup(&l->snap->arena, name);
	enum rule_dialect dialect = decode_dialect(l->apply->conf, DECODE_HTTP, rc);
	rt->rule = rule_compile(&l->snap->arena, dialect, rc->rule, rc->rule_at, keyf(l, "http.routers.%s.rule", name),
				l->errs);
	rt->priority = rule_priority(dialect, rc->rule, rc->priority);
	rt->timeout_ns = rc->timeout_ns;
	rt->service_name = arena_strdup(&l->snap->arena, rc->service);
	rt->service = find_service(l, rc->service);
	rt->internal = rt->service ? NULL : find_internal(l, rc->service);
	rt->is_internal = rt->internal != NULL;
	link_middlewares(l, rt, rc);
	link_metrics(l, rt);
	return rt;
}

static struct route *link_internal_route(struct linker *l, const struct internal_route *in)
{
	struct route *rt = arena_zalloc(&l->snap->arena, sizeof(*rt));
	rt->name = in->name;
	rt->rule = rule_compile(&l->snap->arena, RULE_HTTP, in->rule, (struct place){ 0 }, in->name, l->errs);
	rt->priority = in->priority;
	rt->service_name = in->service;
	rt->internal = find_internal(l, in->service);
	rt->is_internal = true;
	link_metrics(l, rt);
	return rt;
}

static struct route *link_redirection(struct linker *l, const struct entry *e)
{
	struct route *rt = arena_zalloc(&l->snap->arena, sizeof(*rt));
	const struct entry_redirection_conf *conf = e->conf->http.redirections.entry_point;
	(void)redirection_route(l->apply->conf, e->name, conf, &l->snap->arena, l->errs, rt);
	rt->service_name = "noop@internal";
	rt->internal = find_internal(l, rt->service_name);
	rt->is_internal = true;
	link_metrics(l, rt);
	return rt;
}

/* ---- entry points ---- */

struct routes {
	struct route **v;
	const struct router_conf **conf; /* NULL: internal */
	const char **entry;
	size_t n;
};

static void link_entry(struct linker *l, const struct entry *e, const struct routes *all)
{
	const struct static_conf *st = l->apply->conf;
	struct snapshot_entry *se = &l->snap->entries[e->id];
	struct arena *a = &l->snap->arena;
	struct rule_entry *plain = arena_zalloc(a, (all->n + 1) * sizeof(*plain));
	struct rule_entry *secure = arena_zalloc(a, (all->n + 1) * sizeof(*secure));
	struct tls_hosts *hosts = link_tls_entry(l->snap, e);
	size_t nplain = 0, nsecure = 0;
	for (size_t i = 0; i < all->n && !e->udp; i++) {
		bool here = all->conf[i] ? decode_listens(st, DECODE_HTTP, all->conf[i], e->id)
					 : strcmp(all->entry[i], e->name) == 0;
		const struct router_tls_conf *tls = link_tls_of(all->conf[i], e);
		const struct rule_entry rule = { all->v[i]->rule, all->v[i]->priority, all->v[i] };
		if (!here || !all->v[i]->rule)
			continue;
		if (!tls) {
			plain[nplain++] = rule;
			continue;
		}
		secure[nsecure++] = rule;
		link_tls_hosts(l->snap, &hosts, all->v[i], tls, e, l->errs);
	}
	se->nroutes = nplain + nsecure;
	se->routes = nplain ? rule_index_build(a, plain, nplain) : NULL;
	se->tls_routes = nsecure ? rule_index_build(a, secure, nsecure) : NULL;
	se->tls = hosts;
}

static void link_routes(struct linker *l)
{
	struct internal_route internal[8];
	size_t ninternal = internal_routes(l->apply->conf, internal, ARRAY_LEN(internal));
	const struct opt_map *routers = &l->rev->conf.http.routers;
	const struct engine *en = l->apply->engine;
	size_t max = routers->n + ninternal + en->nentries;
	struct arena *a = &l->rev->arena;
	struct routes all = {
		arena_zalloc(a, (max + 1) * sizeof(*all.v)),
		arena_zalloc(a, (max + 1) * sizeof(*all.conf)),
		arena_zalloc(a, (max + 1) * sizeof(*all.entry)),
		0,
	};
	for (size_t i = 0; i < ninternal; i++) {
		all.v[all.n] = link_internal_route(l, &internal[i]);
		all.entry[all.n++] = internal[i].entry;
	}
	for (size_t i = 0; i < en->nentries; i++) {
		if (!en->entries[i].conf->http.redirections.entry_point)
			continue;
		all.v[all.n] = link_redirection(l, &en->entries[i]);
		all.entry[all.n++] = en->entries[i].name;
	}
	for (size_t i = 0; i < routers->n; i++) {
		all.conf[all.n] = opt_map_at(routers, i);
		all.v[all.n] = link_router(l, routers->keys[i], all.conf[all.n]);
		all.n++;
	}
	for (size_t i = 0; i < en->nentries; i++)
		link_entry(l, &en->entries[i], &all);
}

/* ---- snapshot ---- */

static void snapshot_free(struct snapshot *s)
{
	arena_reset(&s->arena);
	free(s);
}

static struct snapshot *snapshot_new(const struct apply *a)
{
	struct snapshot *s = mem_zalloc(sizeof(*s));
	arena_init(&s->arena);
	atomic_init(&s->refs, 1);
	s->generation = a->generation + 1;
	s->released = snapshot_free;
	s->nentries = a->engine->nentries;
	s->entries = arena_zalloc(&s->arena, (s->nentries + 1) * sizeof(*s->entries));
	return s;
}

int link_build(const struct apply *a, struct revision *rev, struct err_list *errs)
{
	size_t before = errs->errors;
	struct linker l = { .apply = a, .rev = rev, .snap = snapshot_new(a), .errs = errs };
	const struct opt_map *services = &rev->conf.http.services;
	const struct transports *old = a->current ? &a->current->transports : NULL;
	int transports_rc = transports_build(&rev->conf.http.servers_transports, &a->conf->servers_transport, old,
					     &rev->transports, errs);
	for (size_t i = 0; transports_rc == 0 && i < services->n; i++)
		link_http_service(&l, services->keys[i], opt_map_at(services, i));
	link_l4(&l, rev, a, errs);
	if (link_tls(a, rev, l.snap, errs) == 0 && transports_rc == 0)
		link_routes(&l);
	if (errs->errors > before) {
		snapshot_unref(l.snap);
		return -EINVAL;
	}
	rev->snapshot = l.snap;
	return 0;
}
