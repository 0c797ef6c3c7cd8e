/* The API's documents: shapes by path and value, lists, errors; ping; the metrics page as promtool sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "admin/api.c"
#include "admin/internals.h"
#include "admin/world.h"

static int setup(void **state)
{
	metric_setup(2);
	*state = world_new();
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	metric_teardown();
	return 0;
}

static const struct internal_service *internal(struct world *w, const char *name)
{
	for (const struct internal_service *const *i = admin_internals(&w->apply); *i; i++)
		if (!strcmp((*i)->name, name))
			return *i;
	return NULL;
}

static struct internal_reply serve(struct world *w, const char *service, const char *method, const char *path,
				   const char *query)
{
	const struct internal_service *s = internal(w, service);
	const struct internal_request rq = { str_of(method), str_of(path), str_of(query), { .port = 1 } };
	struct internal_reply reply = { .status = 200 };

	assert_non_null(s);
	buf_init(&reply.body, 1u << 20);
	s->serve(s->ctx, &rq, &reply);
	return reply;
}

/* Follows "a/b/0" into objects and arrays. '|' divides where keys hold a slash. */
static json_t *walk(json_t *o, const char *path)
{
	struct str rest = str_of(path), part;
	char sep = strchr(path, '|') ? '|' : '/';

	while (o && rest.n) {
		_cleanup_free_ char *key = NULL;

		rest = str_cut(rest, sep, &part);
		key = str_dup(part);
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(key)) : json_object_get(o, key);
	}
	return o;
}

struct expected {
	const char *path, *query;
	int status;
	const char *at, *value; /* compact JSON; NULL: absent */
};

static void check(struct world *w, const struct expected *e)
{
	struct internal_reply reply = serve(w, "api@internal", "GET", e->path, e->query ? e->query : "");
	json_t *o = json_loadb(reply.body.p, reply.body.n, JSON_DECODE_ANY, NULL), *v;
	char *text;

	assert_non_null(o);
	assert_string_equal(reply.content_type, "application/json");
	v = walk(o, e->at);
	text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	if (reply.status != e->status || !text != !e->value || (text && strcmp(text, e->value)))
		fail_msg("%s?%s: %d, %s is %s, expected %s; whole: %.*s", e->path, e->query ? e->query : "",
			 reply.status, e->at, text ? text : "absent", e->value ? e->value : "absent", (int)reply.body.n,
			 reply.body.p);
	free(text);
	json_decref(o);
	buf_free(&reply.body);
}

static void documents(void **state)
{
	static const struct expected rows[] = {
		{ "/admin/api/version", 0, 200, "Version", "\"" SLUICE_VERSION "\"" },
		{ "/admin/api/overview", 0, 200, "http/routers", "{\"total\":5,\"warnings\":0,\"errors\":0}" },
		{ "/admin/api/overview", 0, 200, "http/middlewares/total", "1" },
		{ "/admin/api/overview", 0, 200, "tcp/middlewares/total", "0" },
		{ "/admin/api/overview", 0, 200, "udp/middlewares", NULL },
		{ "/admin/api/overview", 0, 200, "features",
		  "{\"tracing\":\"\",\"metrics\":\"Prometheus\",\"accessLog\":true}" },
		{ "/admin/api/overview", 0, 200, "providers", "[\"File\"]" },
		{ "/admin/api/entrypoints/web", 0, 200, "address", "\"127.0.0.1:8000\"" },
		{ "/admin/api/entrypoints/web", 0, 200, "name", "\"web\"" },
		{ "/admin/api/entrypoints/nope", 0, 404, "message", "\"entry point not found: nope\"" },
		{ "/admin/api/http/routers/api@file", 0, 200, "rule", "\"Host(`api.test`)\"" },
		{ "/admin/api/http/routers/api%40file", 0, 200, "using", "[\"web\"]" },
		{ "/admin/api/http/routers/api@file", 0, 200, "priorityStr", "\"16\"" },
		{ "/admin/api/http/routers/api@file", 0, 200, "status", "\"enabled\"" },
		{ "/admin/api/http/routers/api@file", 0, 200, "provider", "\"file\"" },
		{ "/admin/api/http/routers/api@file", 0, 200, "middlewares", "[\"cut@file\"]" },
		{ "/admin/api/http/routers/all@file", 0, 200, "priority", "1" },
		{ "/admin/api/http/routers/all@file", 0, 200, "using", "[\"web\",\"db\"]" },
		{ "/admin/api/http/routers/ping@internal", 0, 200, "priorityStr", "\"9223372036854775807\"" },
		{ "/admin/api/http/routers/api@internal", 0, 200, "rule", "\"PathPrefix(`/admin/api`)\"" },
		{ "/admin/api/http/routers/x@y", 0, 404, "message", "\"router not found: x@y\"" },
		{ "/admin/api/http/services/api@file", 0, 200, "usedBy", "[\"api@file\",\"all@file\"]" },
		{ "/admin/api/http/services/api@file", 0, 200, "serverStatus",
		  "{\"http://198.18.1.11:80\":\"UP\",\"http://198.18.1.12:80\":\"DOWN\"}" },
		{ "/admin/api/http/services/api@file", 0, 200, "loadBalancer/servers/0",
		  "{\"url\":\"http://198.18.1.11:80\",\"weight\":3}" },
		{ "/admin/api/http/services/api@file", 0, 200, "type", "\"loadbalancer\"" },
		{ "/admin/api/http/services/x@y", 0, 404, "message", "\"service not found: x@y\"" },
		{ "/admin/api/http/middlewares/cut@file", 0, 200, "stripPrefix/prefixes", "[\"/v1\"]" },
		{ "/admin/api/http/middlewares/cut@file", 0, 200, "type", "\"stripprefix\"" },
		{ "/admin/api/http/middlewares/cut@file", 0, 200, "usedBy", "[\"api@file\"]" },
		{ "/admin/api/tcp/routers/db@file", 0, 200, "using", "[\"db\"]" },
		{ "/admin/api/tcp/services/same@file", 0, 200, "serverStatus", "{\"198.18.1.11:5432\":\"UP\"}" },
		{ "/admin/api/udp/services/same@file", 0, 200, "serverStatus", "{\"198.18.1.11:53\":\"UP\"}" },
		{ "/admin/api/udp/services/same@file", 0, 200, "usedBy", "[\"dns@file\"]" },
		{ "/admin/api/udp/routers/dns@file", 0, 200, "using", "[\"dns\"]" },
		{ "/admin/api/rawdata", 0, 200, "udpRouters|dns@file|service", "\"same@file\"" },
		{ "/admin/api/rawdata", 0, 200, "tcpMiddlewares", NULL },
		{ "/admin/api/kernel/counters", 0, 200, "2/labels",
		  "{\"service\":\"dns@file\",\"backend\":\"198.18.1.11:53\"}" },
		{ "/admin/api/kernel/counters", 0, 200, "1/type", "\"gauge\"" },
		{ "/admin/api/status", 0, 200, "generation", "4" },
		{ "/admin/api/status", 0, 200, "reload/lastSuccess", "\"2024-11-21T02:34:56Z\"" },
		{ "/admin/api/status", 0, 200, "kernel/interfaces/1",
		  "{\"name\":\"lb1\",\"mode\":\"\",\"problem\":\"no such interface\"}" },
		{ "/admin/api/status", 0, 200, "services/0/servers/1",
		  "{\"server\":\"http://198.18.1.12:80\",\"weight\":1,\"up\":false,\"reason\":\"connection refused\","
		  "\"since\":\"2024-11-21T02:33:56Z\",\"inFlight\":0}" },
		{ "/admin/api/status", 0, 200, "services/2/name", "\"same@file\"" },
		{ "/admin/api/status", 0, 200, "services/1/vip", "\"198.18.0.10:5432\"" },
		{ "/admin/api/status", 0, 200, "entryPoints/0/listening", "true" },
		{ "/admin/api", 0, 404, "message", "\"not found\"" },
		{ "/admin/api/version/x", 0, 404, "message", "\"not found\"" },
		{ "/admin/api/versions", 0, 404, "message", "\"not found\"" },
		{ "/admin/api/http/routers/", 0, 404, "message", "\"not found\"" },
		{ "/admin/api/http/routers/%zz", 0, 404, "message", "\"router not found\"" },
		{ "/admin/api/http/routers/a%00b", 0, 404, "message", "\"router not found\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(*state, &rows[i]);
}

static void lists(void **state)
{
	static const struct {
		const char *query, *names, *next;
		int status;
	} rows[] = {
		{ "", "all@file api@file api@internal ping@internal prometheus@internal", "1", 200 },
		{ "search=PathPrefix", "all@file api@internal prometheus@internal", "1", 200 },
		{ "search=api.test", "api@file", "1", 200 },
		{ "search=nothing", "", "1", 200 },
		{ "status=enabled&search=%40file", "all@file api@file", "1", 200 },
		{ "status=disabled", "", "1", 200 },
		{ "per_page=2", "all@file api@file", "2", 200 },
		{ "per_page=2&page=2", "api@internal ping@internal", "3", 200 },
		{ "page=3&per_page=2", "prometheus@internal", "1", 200 },
		{ "page=4&per_page=2", "", NULL, 400 },
		{ "page=0", "", NULL, 400 },
		{ "page=-1", "", NULL, 400 },
		{ "per_page=99999999999999999999", "", NULL, 400 },
		{ "direction=desc&per_page=1", "prometheus@internal", "2", 200 },
		{ "sortBy=priority&per_page=2", "all@file api@file", "2", 200 },
		{ "sortBy=bogus&per_page=1", "all@file", "2", 200 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct internal_reply reply =
			serve(*state, "api@internal", "GET", "/admin/api/http/routers", rows[i].query);
		json_t *list = json_loadb(reply.body.p, reply.body.n, 0, NULL), *o;
		char names[200] = "";
		size_t k;

		assert_int_equal(reply.status, rows[i].status);
		json_array_foreach(list, k, o) snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
							k ? " " : "", json_string_value(json_object_get(o, "name")));
		assert_string_equal(names, rows[i].names);
		if (rows[i].next) {
			assert_string_equal(reply.extra_name, "X-Next-Page");
			assert_string_equal(reply.extra_value, rows[i].next);
		}
		json_decref(list);
		buf_free(&reply.body);
	}
}

static void methods(void **state)
{
	static const char *const services[] = { "api@internal", "ping@internal", "prometheus@internal" };

	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct internal_reply post = serve(*state, services[i], "POST", "/admin/api/version", "");
		struct internal_reply head = serve(*state, services[i], "HEAD", "/admin/api/version", "");

		assert_int_equal(post.status, 405);
		assert_string_equal(post.allow, "GET, HEAD");
		assert_int_equal(head.status, 200);
		buf_free(&post.body);
		buf_free(&head.body);
	}
}

static void a_refused_reload_is_shown(void **state)
{
	struct world *w = *state;
	const struct expected rows[] = {
		{ "/admin/api/status", 0, 200, "reload/ok", "false" },
		{ "/admin/api/status", 0, 200, "reload/errors/0/message",
		  "\"a.yml:3:5: http.routers.x.rule: broken \\\"rule\\\"\"" },
		{ "/admin/api/status", 0, 200, "reload/errors/0/line", "3" },
		{ "/admin/api/status", 0, 200, "reload/errors/1/level", "\"warning\"" },
	};

	w->apply.last_ok = false;
	err_add(&w->apply.last_errors, (struct place){ "a.yml", 3, 5 }, "http.routers.x.rule", "broken \"rule\"");
	err_warn(&w->apply.last_errors, (struct place){ 0 }, NULL, "odd");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(w, &rows[i]);
}

static void works_before_the_first_success(void **state)
{
	struct world *w = *state;
	const struct expected rows[] = {
		{ "/admin/api/status", 0, 200, "services", "[]" },
		{ "/admin/api/http/services", 0, 200, "0/name", "\"api@internal\"" },
		{ "/admin/api/tcp/services", 0, 200, "", "[]" },
		{ "/admin/api/rawdata", 0, 200, "tcpRouters", NULL },
	};

	w->apply.current = NULL;
	w->apply.kern = NULL;
	w->apply.internals = admin_internals(&w->apply);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(w, &rows[i]);
}

static void ping(void **state)
{
	struct world *w = *state;
	struct internal_reply up = serve(w, "ping@internal", "GET", "/ping", ""), down;

	assert_int_equal(up.status, 200);
	assert_true(str_eq(buf_view(&up.body), STR("OK")));
	buf_free(&up.body);
	atomic_store(&w->engine.draining, true);
	down = serve(w, "ping@internal", "GET", "/ping", "");
	assert_int_equal(down.status, 502);
	assert_true(str_eq(buf_view(&down.body), STR("Bad Gateway")));
	buf_free(&down.body);
}

/* The whole page, with Traefik's families and kernel counters. */
static void promtool_finds_nothing(void **state)
{
	static const double buckets[] = { 0.1, 0.3, 1.2, 5 };
	static const char *const label[] = { "service", "url" };
	struct httpset *sets[3];
	struct metric_series *up, *reloads;
	struct internal_reply reply;
	FILE *tool;

	if (access("/usr/bin/promtool", X_OK)) {
		print_message("skipped: no promtool\n");
		skip();
	}
	httpset_setup(buckets, ARRAY_LEN(buckets));
	sets[0] = httpset_new(HTTPSET_ENTRYPOINT, "web", NULL);
	sets[1] = httpset_new(HTTPSET_ROUTER, "api@file", "api@file");
	sets[2] = httpset_new(HTTPSET_SERVICE, "api@file", NULL);
	for (size_t i = 0; i < 3; i++)
		httpset_count(sets[i], 0, 200, STR("GET"), HTTPSET_HTTP, 1000, 1, 2);
	up = metric_series_get(
		metric_family("traefik_service_server_up", "Server up.", METRIC_GAUGE, label, 2, NULL, 0),
		(const char *const[]){ "api@file", "http://198.18.1.11:80" });
	reloads = metric_series_get(
		metric_family("traefik_config_reloads_total", "Reloads.", METRIC_COUNTER, NULL, 0, NULL, 0), NULL);
	reply = serve(*state, "prometheus@internal", "GET", "/metrics", "");
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, PROM_CONTENT_TYPE);
	tool = popen("/usr/bin/promtool check metrics", "w");
	assert_int_equal(fwrite(reply.body.p, 1, reply.body.n, tool), reply.body.n);
	assert_int_equal(pclose(tool), 0);
	buf_char(&reply.body, 0);
	assert_non_null(strstr(reply.body.p, "\nsluice_kernel_packets_total{service=\"db@file\"} "
					     "7\nsluice_kernel_packets_total{service=\"dns@file\","));
	assert_non_null(strstr(
		reply.body.p,
		"\ntraefik_router_requests_total{code=\"200\",method=\"GET\",protocol=\"http\",router=\"api@file\","
		"service=\"api@file\"} 1\n"));
	buf_free(&reply.body);
	for (size_t i = 0; i < 3; i++)
		httpset_unref(&sets[i]);
	metric_series_put(&up);
	metric_series_put(&reloads);
}

static void an_answer_too_large_is_an_error(void **state)
{
	struct internal_reply reply = { .status = 200 };

	buf_init(&reply.body, 40);
	api_answer(&((struct world *)*state)->apply, STR("GET"), STR("/api/rawdata"), STR(""), &reply);
	assert_int_equal(reply.status, 500);
	assert_true(str_eq(buf_view(&reply.body), STR("{\"message\":\"answer too large\"}")));
	buf_free(&reply.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(documents, setup, teardown),
		cmocka_unit_test_setup_teardown(lists, setup, teardown),
		cmocka_unit_test_setup_teardown(methods, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_reload_is_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(works_before_the_first_success, setup, teardown),
		cmocka_unit_test_setup_teardown(ping, setup, teardown),
		cmocka_unit_test_setup_teardown(promtool_finds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_too_large_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
