/* Dispatch and lists. Lists are made whole, filtered, sorted and cut: administration, not traffic. */
#include "admin/api.h"
#include <stdlib.h>
#include "admin/api_conf.h"
#include "admin/api_explain.h"
#include "admin/api_http.h"
#include "admin/api_kernel.h"
#include "admin/api_l4.h"
#include "admin/api_status.h"
#include "admin/query.h"
#include "base/num.h"

#define DEFAULT_PER_PAGE 100

const struct api_route api_routes[] = {
	{ "/api/version", api_version, NULL, "version and start time" },
	{ "/api/overview", api_overview, NULL,
	  "how many routers, services and middlewares there are; features; providers" },
	{ "/api/entrypoints", api_entrypoints, "entry point", "settings of the entry points" },
	{ "/api/rawdata", api_rawdata, NULL, "everything in force" },
	{ "/api/http/routers", api_http_routers, "router", "HTTP routers" },
	{ "/api/http/services", api_http_services, "service", "HTTP services and the state of their servers" },
	{ "/api/http/middlewares", api_http_middlewares, "middleware", "HTTP middlewares" },
	{ "/api/tcp/routers", api_tcp_routers, "router", "TCP routers" },
	{ "/api/tcp/services", api_tcp_services, "service", "TCP services and the state of their servers" },
	{ "/api/udp/routers", api_udp_routers, "router", "UDP routers" },
	{ "/api/udp/services", api_udp_services, "service", "UDP services and the state of their servers" },
	{ "/api/status", api_status, NULL,
	  "reloads and their errors, entry points, kernel interfaces, servers (not part of Traefik)" },
	{ "/api/kernel/counters", api_kernel_counters, NULL, "counters of the kernel tier (not part of Traefik)" },
	{ "/api/explain", NULL, NULL,
	  "which router a request would take and why: method, url, header (several), from, sni, entry (not part of "
	  "Traefik)",
	  api_explain },
	{ 0 },
};

/* ---- replies ---- */

static int to_buf(const char *p, size_t n, void *ctx)
{
	buf_add(ctx, p, n);
	return 0;
}

static void reply_json(struct internal_reply *reply, const json_t *o)
{
	reply->content_type = "application/json";
	json_dump_callback(o, to_buf, &reply->body, JSON_COMPACT | JSON_ENCODE_ANY);
	if (buf_ok(&reply->body))
		return;
	buf_reset(&reply->body);
	buf_puts(&reply->body, "{\"message\":\"answer too large\"}");
	reply->status = 500;
}

static void reply_message(struct internal_reply *reply, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void reply_message(struct internal_reply *reply, int status, const char *fmt, ...)
{
	json_t *text, *o = json_object();
	va_list ap;

	va_start(ap, fmt);
	text = json_vsprintf(fmt, ap);
	va_end(ap);
	json_object_set_new(o, "message", text ? text : json_string("bad request"));
	reply->status = status;
	reply_json(reply, o);
	json_decref(o);
}

/* ---- lists ---- */

static bool contains(const json_t *value, const char *text)
{
	const char *s = json_string_value(value);

	return s && strcasestr(s, text);
}

static bool wanted(const json_t *o, struct str query)
{
	static const char *const searched[] = { "name", "rule", "service", "type", "provider", "address" };
	char search[256], status[32];

	if (query_get(query, "status", status, sizeof(status)) && *status) {
		const char *has = json_string_value(json_object_get(o, "status"));

		if (!has || strcasecmp(has, status))
			return false;
	}
	if (!query_get(query, "search", search, sizeof(search)) || !*search)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(searched); i++)
		if (contains(json_object_get(o, searched[i]), search))
			return true;
	return false;
}

struct sorted {
	json_t *o;
	const char *by;
	int sign;
};

static int compare_values(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) -
		       (json_integer_value(a) < json_integer_value(b));
	if (json_is_array(a) && json_is_array(b))
		return compare_values(json_array_get(a, 0), json_array_get(b, 0));
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	return (a != NULL) - (b != NULL);
}

/* Equal ones by name, so that pages do not overlap. */
static int compare(const void *va, const void *vb)
{
	const struct sorted *a = va, *b = vb;
	int c = compare_values(json_object_get(a->o, a->by), json_object_get(b->o, a->by));

	return (c ? c : compare_values(json_object_get(a->o, "name"), json_object_get(b->o, "name"))) * a->sign;
}

/* The objects that the query asks for, in its order; borrowed from `objects`. */
static size_t choose(json_t *objects, struct str query, struct sorted *ret)
{
	static const char *const keys[] = { "name",    "provider",    "priority", "rule",
					    "service", "entryPoints", "status",	  "type" };
	char by[32], direction[8];
	const char *chosen = keys[0], *key;
	size_t n = 0;
	int sign = 1;
	json_t *o;

	if (query_get(query, "sortBy", by, sizeof(by)))
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (!strcmp(by, keys[i]))
				chosen = keys[i];
	if (query_get(query, "direction", direction, sizeof(direction)) && !strcmp(direction, "desc"))
		sign = -1;
	json_object_foreach(objects, key, o) if (wanted(o, query)) ret[n++] = (struct sorted){ o, chosen, sign };
	if (n)
		qsort(ret, n, sizeof(*ret), compare);
	return n;
}

/* A positive number, or its default when absent. */
static bool page_parameter(struct str query, const char *key, uint64_t absent, uint64_t *ret)
{
	char text[24];

	*ret = absent;
	if (!query_get(query, key, text, sizeof(text)) || !*text)
		return true;
	return num_u64(str_of(text), ret) == 0 && *ret > 0 && *ret <= INT32_MAX;
}

static void reply_list(struct internal_reply *reply, json_t *objects, struct str query)
{
	_cleanup_free_ struct sorted *all = mem_alloc((json_object_size(objects) + 1) * sizeof(*all));
	size_t n = choose(objects, query, all);
	uint64_t page, per_page, first;
	json_t *list;

	if (!page_parameter(query, "page", 1, &page) ||
	    !page_parameter(query, "per_page", DEFAULT_PER_PAGE, &per_page)) {
		reply_message(reply, 400, "invalid request: page and per_page must be positive numbers");
		return;
	}
	first = (page - 1) * per_page;
	if (first && first >= n) {
		reply_message(reply, 400, "invalid request: page: %llu, per_page: %llu", (unsigned long long)page,
			      (unsigned long long)per_page);
		return;
	}
	list = json_array();
	for (size_t i = first; i < n && i < first + per_page; i++)
		json_array_append(list, all[i].o);
	reply->extra_name = "X-Next-Page";
	snprintf(reply->extra_value, sizeof(reply->extra_value), "%llu",
		 first + per_page < n ? (unsigned long long)page + 1 : 1ull);
	reply_json(reply, list);
	json_decref(list);
}

static void reply_item(struct internal_reply *reply, const char *noun, const json_t *objects, struct str id)
{
	const json_t *o;
	char name[1024];

	if (!query_decode(id, false, name, sizeof(name))) {
		reply_message(reply, 404, "%s not found", noun);
		return;
	}
	o = json_object_get(objects, name);
	if (o)
		reply_json(reply, o);
	else
		reply_message(reply, 404, "%s not found: %s", noun, name);
}

/* ---- dispatch ---- */

/* ret_id: what follows the route's path and a slash; p NULL when the path is the route's own. */
static const struct api_route *route_find(struct str path, struct str *ret_id)
{
	for (const struct api_route *r = api_routes; r->path; r++) {
		struct str own = str_of(r->path);

		*ret_id = str_mk(NULL, 0);
		if (!str_starts(path, own))
			continue;
		if (path.n == own.n)
			return r;
		if (!r->noun || path.p[own.n] != '/' || path.n == own.n + 1)
			continue;
		*ret_id = str_skip(path, own.n + 1);
		return r;
	}
	return NULL;
}

void api_answer(const struct apply *a, struct str method, struct str path, struct str query,
		struct internal_reply *reply)
{
	struct str id;
	const struct api_route *r = route_find(path, &id);
	json_t *o;

	if (!r) {
		reply_message(reply, 404, "not found");
		return;
	}
	if (!str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD"))) {
		snprintf(reply->allow, sizeof(reply->allow), "GET, HEAD");
		reply_message(reply, 405, "method not allowed");
		return;
	}
	o = r->answer ? r->answer(a, query, &reply->status) : r->show(a);
	if (!r->noun)
		reply_json(reply, o);
	else if (id.p)
		reply_item(reply, r->noun, o, id);
	else
		reply_list(reply, o, query);
	json_decref(o);
}

void api_serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply)
{
	const struct apply *a = ctx;
	struct str base = str_of(a->conf->api ? a->conf->api->base_path : NULL), path = rq->path;

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	if (base.n && str_starts(path, base))
		path = str_skip(path, base.n);
	api_answer(a, rq->method, path, rq->query, reply);
}
