/* Checks across the routing configuration. Every problem is an error at the place of the reference, not of what it
 * names. */
#include "conf/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/decode.h"
#include "model/address.h"
#include "rule/rule.h"

#define NEAR_MAX    2000 /* names that are compared for a suggestion */
#define NAMES_SHOWN 8

/* Names of one section. */
struct names {
	const struct opt_map *list;
	struct map ix; /* name -> the struct */
};

struct check {
	const struct static_conf *st; /* NULL: entry points are not known */
	struct arena *arena;
	struct err_list *errs;
	struct map trees;		    /* router -> its tree, of the protocol being checked */
	struct names services, middlewares; /* the same */
	struct names tls_options;
	struct map taken; /* entry point -> name of the kernel-tier router that has it */
};

/* One router with all that its checks need. */
struct subject {
	enum decode_proto proto;
	const char *section; /* "http" */
	const char *name;    /* qualified */
	const char *key;     /* "http.routers.api@file" */
	const struct router_conf *conf;
	const struct tree *tree; /* may be NULL */
};

static const char *const internal_services[] = { "api@internal", "ping@internal", "prometheus@internal",
						 "noop@internal", NULL };

/* ---- places ---- */

static struct place place_of(const struct subject *s, const char *key)
{
	const struct tree *t = tree_get(s->tree, key);

	return t ? t->at : s->conf->at;
}

/* Of element i of a list, which may be written as one text. */
static struct place place_of_element(const struct subject *s, const char *key, size_t i)
{
	const struct tree *t = tree_get(s->tree, key);

	return t && t->kind == TREE_LIST && i < t->n ? t->pairs[i].value->at : place_of(s, key);
}

static const char *sub_key(struct check *c, const struct subject *s, const char *key)
{
	return arena_printf(c->arena, "%s.%s", s->key, key);
}

/* ---- names ---- */

/* A name of the same provider is shown as it is written there. */
static struct str shown(const struct subject *s, const char *name)
{
	const char *mine = strrchr(s->name, '@'), *at = strrchr(name, '@');

	return mine && at && strcmp(mine, at) == 0 ? str_mk(name, (size_t)(at - name)) : str_of(name);
}

static void add_missing(struct check *c, const struct subject *s, const char *what, const char *key, struct place at,
			const char *name, const struct names *known)
{
	const struct opt_map *m = known->list;
	const char *near = num_nearest(str_of(name), (const char *const *)m->keys, m->n < NEAR_MAX ? m->n : NEAR_MAX);
	struct str near_shown = near ? shown(s, near) : STR(""), name_shown = shown(s, name);

	err_add(c->errs, at, sub_key(c, s, key), "there is no %s %s \"%.*s\"%s%.*s%s", s->section, what,
		STR_ARG(name_shown), near ? "; did you mean `" : "", STR_ARG(near_shown), near ? "`?" : "");
}

static bool is_internal(const char *name)
{
	for (const char *const *i = internal_services; *i; i++)
		if (strcmp(*i, name) == 0)
			return true;
	return false;
}

static bool ends_internal(const char *name)
{
	const char *at = strrchr(name, '@');

	return at && strcmp(at, "@internal") == 0;
}

static void check_service(struct check *c, const struct subject *s)
{
	const char *name = s->conf->service;

	if (!name || !*name || map_get(&c->services.ix, str_of(name)))
		return;
	if (s->proto == DECODE_HTTP && is_internal(name))
		return;
	if (s->proto == DECODE_HTTP && ends_internal(name))
		err_add(c->errs, place_of(s, "service"), sub_key(c, s, "service"),
			"there is no service \"%s\"; expected one of api@internal, ping@internal, prometheus@internal, "
			"noop@internal",
			name);
	else
		add_missing(c, s, "service", "service", place_of(s, "service"), name, &c->services);
}

static void check_middlewares(struct check *c, const struct subject *s)
{
	const struct opt_strings *l = &s->conf->middlewares;

	for (size_t i = 0; i < l->n; i++)
		if (!map_get(&c->middlewares.ix, str_of(l->v[i])))
			add_missing(c, s, "middleware", "middlewares", place_of_element(s, "middlewares", i), l->v[i],
				    &c->middlewares);
}

static void check_tls_options(struct check *c, const struct subject *s)
{
	const char *name = s->conf->tls ? s->conf->tls->options : NULL;

	if (name && strcmp(name, "default") != 0 && !map_get(&c->tls_options.ix, str_of(name)))
		add_missing(c, s, "tls options", "tls.options", s->conf->tls->at, name, &c->tls_options);
}

/* ---- entry points ---- */

static const struct entry_conf *entry_at(const struct static_conf *st, size_t i)
{
	return opt_map_at(&st->entry_points, i);
}

static bool entry_is_udp(const struct entry_conf *e)
{
	struct listen_at at;

	return e->address && address_parse(e->address, &at) == 0 && at.udp;
}

static bool names_entry(const struct opt_strings *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return true;
	return false;
}

static bool has_explicit_default(const struct static_conf *st)
{
	for (size_t i = 0; i < st->entry_points.n; i++)
		if (entry_at(st, i)->as_default && !entry_is_udp(entry_at(st, i)))
			return true;
	return false;
}

bool decode_listens(const struct static_conf *st, enum decode_proto proto, const struct router_conf *r, size_t entry)
{
	const struct entry_conf *e = entry_at(st, entry);
	const char *name = st->entry_points.keys[entry];

	if (entry_is_udp(e) != (proto == DECODE_UDP))
		return false;
	if (r->entry_points.n)
		return names_entry(&r->entry_points, name);
	if (proto == DECODE_UDP)
		return true;
	return has_explicit_default(st) ? e->as_default : strcmp(name, "traefik") != 0;
}

static void list_entries(const struct static_conf *st, struct buf *out)
{
	const struct opt_map *m = &st->entry_points;

	for (size_t i = 0; i < m->n && i < NAMES_SHOWN; i++)
		buf_printf(out, "%s%s", i ? ", " : "", m->keys[i]);
	if (m->n > NAMES_SHOWN)
		buf_printf(out, " and %zu more", m->n - NAMES_SHOWN);
}

static void add_no_entry(struct check *c, const struct subject *s, size_t i)
{
	const char *name = s->conf->entry_points.v[i];
	const struct opt_map *m = &c->st->entry_points;
	const char *near = num_nearest(str_of(name), (const char *const *)m->keys, m->n);
	_cleanup_(buf_free) struct buf list = { 0 };

	buf_init(&list, 0);
	list_entries(c->st, &list);
	err_add(c->errs, place_of_element(s, "entryPoints", i), sub_key(c, s, "entryPoints"),
		"there is no entry point \"%s\"; %s%s%sexpected one of %.*s", name, near ? "did you mean `" : "",
		near ? near : "", near ? "`? " : "", STR_ARG(buf_view(&list)));
}

static void check_entry_names(struct check *c, const struct subject *s)
{
	for (size_t i = 0; i < s->conf->entry_points.n; i++) {
		const struct entry_conf *e = opt_map_get(&c->st->entry_points, s->conf->entry_points.v[i]);

		if (!e)
			add_no_entry(c, s, i);
		else if (entry_is_udp(e) != (s->proto == DECODE_UDP))
			err_add(c->errs, place_of_element(s, "entryPoints", i), sub_key(c, s, "entryPoints"),
				"entry point \"%s\" is %s (%s); expected one that is %s", s->conf->entry_points.v[i],
				entry_is_udp(e) ? "UDP" : "TCP", e->address,
				s->proto == DECODE_UDP ? "UDP, its address ending in /udp" : "TCP");
	}
}

static void check_any_entry(struct check *c, const struct subject *s)
{
	for (size_t i = 0; i < c->st->entry_points.n; i++)
		if (s->conf->entry_points.n || decode_listens(c->st, s->proto, s->conf, i))
			return;
	err_add(c->errs, s->conf->at, sub_key(c, s, "entryPoints"),
		"missing, and no entry point is a default for it; expected the name of a %s one",
		s->proto == DECODE_UDP ? "UDP" : "TCP");
}

/* ---- rules ---- */

enum rule_dialect decode_dialect(const struct static_conf *st, enum decode_proto proto, const struct router_conf *r)
{
	int syntax = r->rule_syntax;

	if (syntax == RULE_SYNTAX_DEFAULT && st)
		syntax = st->core.default_rule_syntax;
	if (proto == DECODE_TCP)
		return syntax == RULE_SYNTAX_V2 ? RULE_TCP_V2 : RULE_TCP;
	return syntax == RULE_SYNTAX_V2 ? RULE_HTTP_V2 : RULE_HTTP;
}

static const struct rule *check_rule(struct check *c, const struct subject *s)
{
	const struct tree *t = tree_get(s->tree, "rule");
	struct place at = s->conf->rule_at;

	if (!s->conf->rule || !*s->conf->rule)
		return NULL;
	if (t && t->quoted)
		at.col++; /* the text starts after the quote */
	return rule_compile(c->arena, decode_dialect(c->st, s->proto, s->conf), s->conf->rule, at,
			    sub_key(c, s, "rule"), c->errs);
}

/* ---- the kernel tier ---- */

/* Only an outer header can carry one family to a host of the other. */
static void check_family(struct check *c, const struct subject *s, const struct endpoint *vip, const char *entry,
			 const struct l4_lb_conf *lb, const char *service)
{
	if (lb->forwarding == FORWARDING_IPIP || lb->forwarding == FORWARDING_GUE)
		return;
	for (size_t i = 0; i < lb->servers.n; i++) {
		const struct l4_server_conf *srv = opt_list_at(&lb->servers, i);
		struct endpoint e;

		if (!srv->address || endpoint_parse(str_of(srv->address), &e) ||
		    addr_is_v4(&e.addr) == addr_is_v4(&vip->addr))
			continue;
		err_add(c->errs, srv->at,
			arena_printf(c->arena, "%s.services.%s.loadBalancer.servers[%zu].address", s->section, service,
				     i),
			"%s is not of the same family as entry point \"%s\"; expected an %s address", srv->address,
			entry, addr_is_v4(&vip->addr) ? "IPv4" : "IPv6");
	}
}

/* Modes that do not rewrite the packet deliver it to the port that the client wrote. */
static void check_ports(struct check *c, const struct listen_at *vip, const char *entry, const struct l4_lb_conf *lb,
			const char *service, const char *section)
{
	bool direct = lb->forwarding != FORWARDING_SNAT && lb->forwarding != FORWARDING_DNAT;

	for (size_t i = 0; i < lb->servers.n; i++) {
		const struct l4_server_conf *srv = opt_list_at(&lb->servers, i);
		struct endpoint e;

		if (!srv->address || endpoint_parse(str_of(srv->address), &e))
			continue;
		if (!e.port && !vip->last)
			err_add(c->errs, srv->at,
				arena_printf(c->arena, "%s.services.%s.loadBalancer.servers[%zu].address", section,
					     service, i),
				"%s has no port of its own, which only an entry point of several ports can give; "
				"expected "
				"ip:port",
				srv->address);
		if (!direct || !e.port || (!vip->last && e.port == vip->at.port))
			continue;
		if (vip->last) {
			err_add(c->errs, srv->at,
				arena_printf(c->arena, "%s.services.%s.loadBalancer.servers[%zu].address", section,
					     service, i),
				"%s has one port and entry point \"%s\" several, which this forwarding can not change; "
				"expected port 0 (the one the client asked for), or forwarding snat or dnat",
				srv->address, entry);
			continue;
		}
		err_add(c->errs, srv->at,
			arena_printf(c->arena, "%s.services.%s.loadBalancer.servers[%zu].address", section, service, i),
			"%s has another port than entry point \"%s\", which this forwarding can not change; expected "
			"port %u, or forwarding snat or dnat",
			srv->address, entry, vip->at.port);
	}
}

/* Ids of QUIC servers: all or none, of the right length, each its own. */
static void check_quic(struct check *c, const struct l4_lb_conf *lb, const char *service)
{
	uint8_t id[8];

	for (size_t i = 0; i < lb->servers.n; i++) {
		const struct l4_server_conf *srv = opt_list_at(&lb->servers, i);
		const char *key =
			arena_printf(c->arena, "udp.services.%s.loadBalancer.servers[%zu].serverId", service, i);

		if (!lb->quic && srv->quic_id)
			err_add(c->errs, srv->at, key,
				"without effect; expected quic.serverIdLength on the service as well");
		if (!lb->quic)
			continue;
		if (!srv->quic_id || num_hex(str_of(srv->quic_id), id, (size_t)lb->quic->length))
			err_add(c->errs, srv->at, key, "%s%s%s; expected %lld hexadecimal digits (quic.serverIdLength)",
				srv->quic_id ? "\"" : "", srv->quic_id ? srv->quic_id : "missing",
				srv->quic_id ? "\" is not valid" : "", (long long)lb->quic->length * 2);
		for (size_t k = 0; srv->quic_id && k < i; k++) {
			const struct l4_server_conf *other = opt_list_at(&lb->servers, k);

			if (other->quic_id && str_ieq(str_of(other->quic_id), str_of(srv->quic_id)))
				err_add(c->errs, srv->at, key, "%s is the id of %s already; expected one of its own",
					srv->quic_id, other->address);
		}
	}
}

/* A server that takes whatever port the client asked for has none that a check could connect to. */
static void check_probe_port(struct check *c, const struct l4_lb_conf *lb, const char *service, const char *section)
{
	if (!lb->health_check || lb->health_check->port)
		return;
	for (size_t i = 0; i < lb->servers.n; i++) {
		const struct l4_server_conf *srv = opt_list_at(&lb->servers, i);
		struct endpoint e;

		if (srv->address && !endpoint_parse(str_of(srv->address), &e) && !e.port)
			err_add(c->errs, srv->at,
				arena_printf(c->arena, "%s.services.%s.loadBalancer.servers[%zu].address", section,
					     service, i),
				"%s has no port of its own to be checked at; expected healthCheck.port", srv->address);
	}
}

/* A packet carries an address and nothing else to choose by, so each VIP is one address with one router. */
static void check_vip(struct check *c, const struct subject *s, size_t entry, const struct l4_lb_conf *lb)
{
	const struct entry_conf *e = entry_at(c->st, entry);
	const char *name = c->st->entry_points.keys[entry], *key = sub_key(c, s, "entryPoints"), *other;
	struct place at = place_of(s, "entryPoints");
	struct listen_at vip;

	if (!e->address || address_parse(e->address, &vip))
		return;
	if (addr_is_any(&vip.at.addr) || addr_is_loopback(&vip.at.addr))
		err_add(c->errs, at, key,
			"entry point \"%s\" listens on %s; datapath xdp expects one specific address that clients "
			"reach, "
			"neither every address nor a loopback one",
			name, e->address);
	else {
		check_family(c, s, &vip.at, name, lb, s->conf->service);
		check_ports(c, &vip, name, lb, s->conf->service, s->section);
		check_probe_port(c, lb, s->conf->service, s->section);
	}
	other = map_get(&c->taken, str_of(name));
	if (other)
		err_add(c->errs, at, key,
			"entry point \"%s\" already belongs to router \"%.*s\"; datapath xdp expects one router per "
			"entry "
			"point",
			name, STR_ARG(shown(s, other)));
	else
		map_set(&c->taken, str_of(name), (void *)(uintptr_t)s->name);
}

static void check_kernel_rule(struct check *c, const struct subject *s, const struct rule *rule)
{
	if (rule && !rule_is_catch_all(rule))
		err_add(c->errs, s->conf->rule_at, sub_key(c, s, "rule"),
			"datapath xdp forwards packets without looking into them; expected HostSNI(`*`)");
}

static void check_kernel_tier(struct check *c, const struct subject *s, const struct rule *rule)
{
	const char *name = s->conf->service;
	const struct l4_service_conf *service = name ? map_get(&c->services.ix, str_of(name)) : NULL;

	if (!service || !service->load_balancer || service->load_balancer->datapath != DATAPATH_XDP)
		return;
	check_kernel_rule(c, s, rule);
	check_quic(c, service->load_balancer, name);
	if (!c->st)
		return;
	for (size_t i = 0; i < c->st->entry_points.n; i++)
		if (decode_listens(c->st, s->proto, s->conf, i))
			check_vip(c, s, i, service->load_balancer);
	if (!c->st->kernel.interfaces.n)
		err_warn(c->errs, s->conf->at, s->key,
			 "is served by the kernel tier, but kernel.interfaces names no interface: no packet "
			 "reaches it");
}

/* ---- protocols ---- */

static void index_names(struct names *n, const struct opt_map *list)
{
	n->list = list;
	map_init(&n->ix);
	for (size_t i = 0; i < list->n; i++)
		map_set(&n->ix, str_of(list->keys[i]), opt_map_at(list, i));
}

static void begin(struct check *c, const struct tree *section, const struct opt_map *services,
		  const struct opt_map *middlewares)
{
	const struct tree *routers = tree_get(section, "routers");

	index_names(&c->services, services);
	index_names(&c->middlewares, middlewares);
	map_init(&c->taken);
	map_init(&c->trees);
	for (size_t i = 0; routers && routers->kind == TREE_MAP && i < routers->n; i++)
		map_set(&c->trees, routers->pairs[i].key, routers->pairs[i].value);
}

static void end(struct check *c)
{
	map_free(&c->services.ix);
	map_free(&c->middlewares.ix);
	map_free(&c->taken);
	map_free(&c->trees);
}

static struct subject subject_of(struct check *c, enum decode_proto proto, const char *section,
				 const struct opt_map *routers, size_t i)
{
	return (struct subject){
		.proto = proto,
		.section = section,
		.name = routers->keys[i],
		.key = arena_printf(c->arena, "%s.routers.%s", section, routers->keys[i]),
		.conf = opt_map_at(routers, i),
		.tree = map_get(&c->trees, str_of(routers->keys[i])),
	};
}

static void check_entries(struct check *c, const struct subject *s)
{
	if (!c->st)
		return;
	check_entry_names(c, s);
	check_any_entry(c, s);
}

static void check_http(struct check *c, const struct tree *section, const struct http_conf *h)
{
	begin(c, section, &h->services, &h->middlewares);
	for (size_t i = 0; i < h->routers.n; i++) {
		struct subject s = subject_of(c, DECODE_HTTP, "http", &h->routers, i);

		check_entries(c, &s);
		check_rule(c, &s);
		check_middlewares(c, &s);
		check_service(c, &s);
		check_tls_options(c, &s);
	}
	end(c);
}

static void check_transports(struct check *c, const struct http_conf *h)
{
	for (size_t i = 0; i < h->services.n; i++) {
		const struct http_lb_conf *lb =
			((const struct http_service_conf *)opt_map_at(&h->services, i))->load_balancer;
		const char *name = lb ? lb->servers_transport : NULL;
		const struct opt_map *m = &h->servers_transports;
		const char *near;

		if (!name || !*name || opt_map_get(m, name))
			continue;
		near = num_nearest(str_of(name), (const char *const *)m->keys, m->n < NEAR_MAX ? m->n : NEAR_MAX);
		err_add(c->errs, lb->at,
			arena_printf(c->arena, "http.services.%s.loadBalancer.serversTransport", h->services.keys[i]),
			"there is no serversTransport \"%.*s\"%s%.*s%s", (int)strcspn(name, "@"), name,
			near ? "; did you mean `" : "", near ? (int)strcspn(near, "@") : 0, near ? near : "",
			near ? "`?" : "");
	}
}

static void check_l4(struct check *c, enum decode_proto proto, const char *section, const struct tree *t,
		     const struct l4_conf *l4)
{
	static const struct opt_map none;

	begin(c, t, &l4->services, &none);
	for (size_t i = 0; i < l4->routers.n; i++) {
		struct subject s = subject_of(c, proto, section, &l4->routers, i);

		check_entries(c, &s);
		check_service(c, &s);
		check_kernel_tier(c, &s, check_rule(c, &s));
	}
	end(c);
}

void check_dynamic(const struct tree *t, const struct static_conf *st, const struct dynamic_conf *conf, struct arena *a,
		   struct err_list *errs)
{
	struct check c = { .st = st, .arena = a, .errs = errs };

	index_names(&c.tls_options, &conf->tls.options);
	check_http(&c, tree_get(t, "http"), &conf->http);
	check_transports(&c, &conf->http);
	map_free(&c.tls_options.ix);
	check_l4(&c, DECODE_TCP, "tcp", tree_get(t, "tcp"), &conf->tcp);
	check_l4(&c, DECODE_UDP, "udp", tree_get(t, "udp"), &conf->udp);
}
