/* One row per internal service; each says from its section whether and where it is routed. */
#include "conf/internal_routes.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

#define BASE_PATH_MAX 1024

/* Each returns the entry point, or NULL when the service is not routed by itself. */
static const char *ping_entry(const struct static_conf *c)
{
	return c->ping && !c->ping->manual_routing ? c->ping->entry_point : NULL;
}

static const char *prometheus_entry(const struct static_conf *c)
{
	const struct prometheus_conf *p = c->metrics.prometheus;

	return p && !p->manual_routing ? p->entry_point : NULL;
}

static const char *api_entry(const struct static_conf *c)
{
	return c->api && c->api->insecure ? "traefik" : NULL;
}

static const struct {
	const char *name;
	const char *(*entry)(const struct static_conf *c);
	const char *matcher, *path;
	bool below_base; /* api.basePath goes in front */
	int64_t priority;
} rows[] = {
	{ "ping@internal", ping_entry, "Path", "/ping", false, INT64_MAX },
	{ "prometheus@internal", prometheus_entry, "PathPrefix", "/metrics", false, INT64_MAX },
	{ "api@internal", api_entry, "PathPrefix", "/api", true, INT64_MAX - 1 },
};
_Static_assert(sizeof(rows) / sizeof(rows[0]) == INTERNAL_ROUTES_MAX, "the header promises the number of rows");

/* api.basePath without slashes at its end: "/" adds nothing. */
static struct str base_path(const struct static_conf *c)
{
	struct str s = str_of(c->api ? c->api->base_path : NULL);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s.n <= BASE_PATH_MAX ? s : str_mk(NULL, 0);
}

size_t internal_routes(const struct static_conf *conf, struct internal_route ret[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows) && n < max; i++) {
		struct str base = rows[i].below_base ? base_path(conf) : STR("");
		const char *entry = rows[i].entry(conf);

		if (!entry)
			continue;
		ret[n] = (struct internal_route){
			.name = rows[i].name, .entry = entry, .priority = rows[i].priority, .service = rows[i].name
		};
		snprintf(ret[n++].rule, sizeof(ret->rule), "%s(`%.*s%s`)", rows[i].matcher, STR_ARG(base),
			 rows[i].path);
	}
	return n;
}
