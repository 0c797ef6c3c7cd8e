/* The request is brought into the form that the workers would match, by the same functions, and every router of the
 * entry point is tried in turn: that is slower than the index and says more. */
#include "admin/api_explain.h"
#include <errno.h>
#include "admin/query.h"
#include "admin/view.h"
#include "http/uri.h"

#define LISTED_MAX 10 /* routers that are shown of those that lost, and of those passed over */

struct asked {
	struct arena arena;
	char method[64], url[8192], from[64], sni[256], entry[256], host[URI_HOST_MAX + 1];
	struct str host_header; /* p NULL: none */
	struct str query;	/* of the API's request, for the headers */
	struct uri uri;		/* zero for a URL that is only a path */
	struct addr client;
	struct rule_facts facts;
	const struct entry *at;
	const char *why_entry;
};

/* ---- the request ---- */

/* The headers are read again each time: there are few. Calls back as struct rule_facts wants it. */
static bool explain_header_any(const void *ctx, struct str name, bool (*test)(const void *arg, struct str value),
			       const void *arg)
{
	const struct asked *q = ctx;
	struct str rest = q->query;
	char line[4096];

	while (query_next(&rest, "header", line, sizeof(line))) {
		struct str key, value = str_cut(str_of(line), ':', &key);

		if (value.p && str_ieq(str_trim(key), name) && test(arg, str_trim(value)))
			return true;
	}
	return false;
}

static bool explain_keep(const void *arg, struct str value)
{
	struct asked *q = (struct asked *)(uintptr_t)arg;

	q->host_header = str_mk(arena_strndup(&q->arena, value.p, value.n), value.n);
	return true;
}

/* "http://a.test:8000/x?y", or "/x?y" with the host in a header. ret_target: from the path on. */
static const char *explain_url(struct asked *q, struct str *ret_target)
{
	struct str url = str_of(q->url);

	*ret_target = url;
	if (url.n && url.p[0] == '/')
		return NULL;
	if (uri_parse(url, &q->uri) < 0 ||
	    (!str_ieq(q->uri.scheme, STR("http")) && !str_ieq(q->uri.scheme, STR("https"))))
		return "url: expected http://host[:port][/path] or /path";
	*ret_target = q->uri.path.n ? q->uri.path : STR("/");
	return NULL;
}

static uint16_t explain_port(const struct asked *q)
{
	if (q->uri.port || !q->uri.scheme.n)
		return q->uri.port;
	return str_ieq(q->uri.scheme, STR("https")) ? 443 : 80;
}

static const struct entry *explain_entry_named(const struct apply *a, const char *name)
{
	for (size_t i = 0; i < a->engine->nentries; i++)
		if (!strcmp(a->engine->entries[i].name, name))
			return &a->engine->entries[i];
	return NULL;
}

static bool explain_has_routes(const struct apply *a, const struct entry *e)
{
	const struct snapshot *s = a->current ? a->current->snapshot : NULL;

	return s && e->id < s->nentries && s->entries[e->id].routes;
}

/* By name, by the URL's port, or the first that has routers. */
static const char *explain_entry(const struct apply *a, struct asked *q)
{
	uint16_t port = explain_port(q);

	if (*q->entry) {
		q->at = explain_entry_named(a, q->entry);
		q->why_entry = "as asked for";
		return q->at ? NULL : "entry: there is no entry point of that name";
	}
	for (size_t i = 0; i < a->engine->nentries && !q->at; i++) {
		const struct entry *e = &a->engine->entries[i];

		if (!e->udp && e->at.port == port)
			q->at = e;
	}
	q->why_entry = "it has the URL's port";
	for (size_t i = 0; i < a->engine->nentries && !q->at; i++) {
		q->why_entry = "no entry point has the URL's port; this is the first with routers";
		if (explain_has_routes(a, &a->engine->entries[i]))
			q->at = &a->engine->entries[i];
	}
	return q->at ? NULL : "there is no entry point with routers";
}

static struct str explain_authority(const struct asked *q)
{
	if (q->host_header.p)
		return q->host_header;
	return q->uri.bracketed ? str_mk(q->uri.host.p - 1, q->uri.host.n + 2) : q->uri.host;
}

/* As step_route() of the engine does it. */
static const char *explain_facts(struct asked *q, struct str target)
{
	struct rule_facts *f = &q->facts;
	struct str path, query = str_cut(target, '?', &path);

	f->header_ctx = q;
	f->header_any = explain_header_any;
	f->method = str_of(q->method);
	f->sni = str_of(q->sni);
	f->query = query;
	for (size_t i = 0; i < query.n; i++)
		if (query.p[i] == ';')
			((char *)(uintptr_t)query.p)[i] = '&'; /* a view of q->url */
	if (uri_normalise(&q->arena, path, q->at->conf->http.sanitize_path, &path) < 0 ||
	    uri_routing_path(&q->arena, path, &f->path) < 0)
		return "url: the path has a broken escape or a character that no path may have; a request with it is "
		       "answered with 400";
	if (uri_canonical_host(explain_authority(q), q->host, sizeof(q->host), &f->host) < 0)
		return "url: not a host name; a request with it is answered with 400";
	return NULL;
}

static const char *explain_read(const struct apply *a, struct asked *q)
{
	struct str target;
	const char *wrong;

	if (!query_get(q->query, "method", q->method, sizeof(q->method)) || !*q->method)
		return "method: missing, or longer than 63 characters";
	if (!query_get(q->query, "url", q->url, sizeof(q->url)) || !*q->url)
		return "url: missing, or longer than 8191 characters";
	query_get(q->query, "entry", q->entry, sizeof(q->entry));
	query_get(q->query, "sni", q->sni, sizeof(q->sni));
	if (!query_get(q->query, "from", q->from, sizeof(q->from)))
		snprintf(q->from, sizeof(q->from), "127.0.0.1");
	if (addr_parse(str_of(q->from), &q->client) < 0)
		return "from: expected an IP address";
	q->facts.client = &q->client;
	explain_header_any(q, STR("host"), explain_keep, q);
	wrong = explain_url(q, &target);
	if (!wrong)
		wrong = explain_entry(a, q);
	return wrong ? wrong : explain_facts(q, target);
}

/* ---- routers ---- */

static const char *explain_priority_from(const struct rule_entry *e, const char *text)
{
	const struct route *rt = e->value;

	if (rt->is_internal)
		return "of sluice's own";
	return text && e->priority == (int64_t)strlen(text) ? "length of the rule" : "as configured";
}

/* The rule as it was written; an internal router's as sluice would write it. */
static char *explain_rule(const struct apply *a, const struct rule_entry *e)
{
	const struct route *rt = e->value;
	const struct router_conf *c = opt_map_get(&a->current->conf.http.routers, rt->name);
	struct buf text;

	if (c)
		return mem_strdup(c->rule);
	buf_init(&text, 0);
	rule_print(e->rule, &text);
	return buf_take(&text);
}

static json_t *explain_router(const struct apply *a, const struct rule_entry *e, const char *why)
{
	const struct route *rt = e->value;
	_cleanup_free_ char *rule = explain_rule(a, e);
	json_t *o = json_object();

	view_set(o, "name", rt->name);
	view_set(o, "rule", rule);
	json_object_set_new(o, "priority", json_integer(e->priority));
	view_set(o, "priorityFrom", explain_priority_from(e, rule));
	view_set(o, "why", why);
	return o;
}

static const char *explain_lost(const struct rule_entry *winner, const struct rule_entry *e)
{
	return e->priority < winner->priority ? "matches; its priority is lower"
					      : "matches; the same priority, but it comes later";
}

struct verdict {
	const struct rule_entry *winner;
	json_t *lost, *passed; /* lists */
	size_t nlost, npassed;
	size_t nelsewhere; /* of those tried before the winner: for another host, and so not shown */
};

static void explain_try(const struct apply *a, const struct asked *q, const struct rule_entry *e, struct verdict *v)
{
	_cleanup_(buf_free) struct buf why;
	bool yes;

	buf_init(&why, 0);
	yes = rule_explain(e->rule, &q->facts, &why);
	buf_char(&why, 0);
	if (yes && !v->winner) {
		v->winner = e;
	} else if (yes && v->nlost++ < LISTED_MAX) {
		json_array_append_new(v->lost, explain_router(a, e, explain_lost(v->winner, e)));
	} else if (!yes && !v->winner && str_starts(buf_view(&why), STR("Host"))) {
		v->nelsewhere++;
	} else if (!yes && !v->winner && v->npassed++ < LISTED_MAX) {
		json_array_append_new(v->passed, explain_router(a, e, why.p));
	}
}

static void explain_rank(const struct apply *a, const struct asked *q, struct verdict *v)
{
	const struct snapshot *s = a->current->snapshot;
	const struct rule_index *ix = s->entries[q->at->id].routes;
	const struct rule_entry *entries;
	size_t n = 0;

	v->lost = json_array();
	v->passed = json_array();
	entries = ix ? rule_index_entries(ix, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		explain_try(a, q, &entries[i], v);
}

/* ---- what follows the router ---- */

static json_t *explain_middlewares(const struct route *rt)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rt->nmws; i++) {
		json_t *o = json_object();

		view_set(o, "name", rt->mws[i].name);
		view_set(o, "type", rt->mws[i].type->name);
		json_array_append_new(list, o);
	}
	return list;
}

static bool explain_usable(const struct service *s, size_t i)
{
	return s->items[i].weight > 0 && atomic_load(&s->targets[i]->up);
}

static json_t *explain_server(const struct service *s, size_t i, uint64_t weights)
{
	const struct target *t = s->targets[i];
	json_t *o = json_object();
	bool up = atomic_load(&t->up), usable = explain_usable(s, i);
	char reason[TARGET_REASON_MAX];

	target_explain(t, (enum target_reason)atomic_load(&t->reason), reason);
	view_set(o, "server", t->name);
	json_object_set_new(o, "weight", json_integer(s->items[i].weight));
	json_object_set_new(o, "up", json_boolean(up));
	view_set(o, "reason", reason);
	json_object_set_new(o, "inFlight", json_integer(atomic_load(&t->in_flight)));
	json_object_set_new(o, "candidate", json_boolean(usable));
	json_object_set_new(o, "sharePercent", json_real(usable ? 100.0 * s->items[i].weight / (double)weights : 0));
	return o;
}

static json_t *explain_service(const struct route *rt)
{
	json_t *o = json_object(), *servers = json_array();
	const struct service *s = rt->service;
	uint64_t weights = 0;

	view_set(o, "name", rt->service_name);
	for (size_t i = 0; s && i < s->ntargets; i++)
		weights += explain_usable(s, i) ? s->items[i].weight : 0;
	for (size_t i = 0; s && i < s->ntargets; i++)
		json_array_append_new(servers, explain_server(s, i, weights));
	view_set(o, "strategy", s && s->policy ? s->policy->name : NULL);
	json_object_set_new(o, "servers", servers);
	if (!s)
		view_set(o, "answer", "by sluice itself");
	else if (!weights)
		view_set(o, "answer", "503: no server is up and has a weight");
	return o;
}

/* ---- the whole ---- */

static json_t *explain_request(const struct asked *q)
{
	json_t *o = json_object();

	view_set(o, "method", q->method);
	json_object_set_new(o, "host", json_stringn_nocheck(q->facts.host.p ? q->facts.host.p : "", q->facts.host.n));
	json_object_set_new(o, "path", json_stringn(q->facts.path.p, q->facts.path.n));
	json_object_set_new(o, "query", json_stringn(q->facts.query.p ? q->facts.query.p : "", q->facts.query.n));
	view_set(o, "from", q->from);
	if (*q->sni)
		view_set(o, "sni", q->sni);
	return o;
}

static json_t *explain_entry_json(const struct asked *q)
{
	json_t *o = json_object();

	view_set(o, "name", q->at->name);
	view_set(o, "address", q->at->conf->address);
	view_set(o, "why", q->why_entry);
	return o;
}

static json_t *explain_answer(const struct apply *a, const struct asked *q)
{
	struct verdict v = { 0 };
	json_t *o = json_object();

	explain_rank(a, q, &v);
	json_object_set_new(o, "request", explain_request(q));
	json_object_set_new(o, "entryPoint", explain_entry_json(q));
	json_object_set_new(
		o, "router",
		v.winner ? explain_router(a, v.winner,
					  v.nlost ? "it matches and has the highest priority of those that do"
						  : "it is the only one that matches")
			 : json_null());
	json_object_set_new(o, "runnersUp", v.lost);
	json_object_set_new(o, "runnersUpCount", json_integer((json_int_t)v.nlost));
	json_object_set_new(o, "passedOver", v.passed);
	json_object_set_new(o, "passedOverCount", json_integer((json_int_t)v.npassed));
	json_object_set_new(o, "otherHostsCount", json_integer((json_int_t)v.nelsewhere));
	if (v.winner) {
		const struct route *rt = v.winner->value;

		json_object_set_new(o, "middlewares", explain_middlewares(rt));
		json_object_set_new(o, "service", explain_service(rt));
	} else {
		view_set(o, "answer", "404: no router of the entry point matches");
	}
	return o;
}

json_t *api_explain(const struct apply *a, struct str query, int *ret_status)
{
	struct asked *q = mem_zalloc(sizeof(*q));
	const char *wrong;
	json_t *o;

	arena_init(&q->arena);
	q->query = query;
	wrong = a->current ? explain_read(a, q) : "no configuration is in force";
	if (wrong) {
		o = json_object();
		view_set(o, "message", wrong);
		*ret_status = 400;
	} else {
		o = explain_answer(a, q);
	}
	arena_reset(&q->arena);
	free(q);
	return o;
}
