/* Traefik's documents. Features that do not exist here are reported as Traefik reports them when they are off. */
#include "admin/api_conf.h"
#include "admin/api_http.h"
#include "admin/api_l4.h"
#include "base/clock.h"
#include "observe/process.h"

json_t *api_version(const struct apply *a)
{
	json_t *o = json_object();
	struct process p;

	(void)a;
	process_read(&p);
	view_set(o, "Version", SLUICE_VERSION);
	view_set(o, "Codename", "sluice");
	json_object_set_new(o, "startDate", view_time((uint64_t)(p.start_seconds * 1e9)));
	return o;
}

/* Groups of objects, in the order of rawdata. */
static const struct {
	const char *section, *kind, *raw;
	json_t *(*objects)(const struct apply *a); /* NULL: there are none of that kind */
} groups[] = {
	{ "http", "routers", "routers", api_http_routers },
	{ "http", "services", "services", api_http_services },
	{ "http", "middlewares", "middlewares", api_http_middlewares },
	{ "tcp", "routers", "tcpRouters", api_tcp_routers },
	{ "tcp", "services", "tcpServices", api_tcp_services },
	{ "tcp", "middlewares", "tcpMiddlewares", NULL },
	{ "udp", "routers", "udpRouters", api_udp_routers },
	{ "udp", "services", "udpServices", api_udp_services },
};

json_t *api_rawdata(const struct apply *a)
{
	json_t *all = json_object();

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		json_t *objects = groups[i].objects ? groups[i].objects(a) : NULL;

		if (json_object_size(objects))
			json_object_set(all, groups[i].raw, objects);
		json_decref(objects);
	}
	return all;
}

static size_t count_status(const json_t *objects, const char *status)
{
	const char *key;
	json_t *o;
	size_t n = 0;

	json_object_foreach((json_t *)objects, key, o) n +=
		!strcmp(json_string_value(json_object_get(o, "status")), status);
	return n;
}

static json_t *summary(const json_t *objects)
{
	json_t *o = json_object();

	json_object_set_new(o, "total", json_integer((json_int_t)json_object_size(objects)));
	json_object_set_new(o, "warnings", json_integer((json_int_t)count_status(objects, "warning")));
	json_object_set_new(o, "errors", json_integer((json_int_t)count_status(objects, "disabled")));
	return o;
}

/* "file" as "File". */
static void add_provider(json_t *list, const char *name)
{
	_cleanup_free_ char *shown = mem_strdup(name);

	if (*shown >= 'a' && *shown <= 'z')
		*shown = (char)(*shown - 'a' + 'A');
	json_array_append_new(list, json_string(shown));
}

json_t *api_overview(const struct apply *a)
{
	json_t *all = json_object(), *features = json_object(), *providers = json_array();

	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		json_t *section = json_object_get(all, groups[i].section),
		       *objects = groups[i].objects ? groups[i].objects(a) : NULL;

		if (!section) {
			section = json_object();
			json_object_set_new(all, groups[i].section, section);
		}
		json_object_set_new(section, groups[i].kind, summary(objects));
		json_decref(objects);
	}
	view_set(features, "tracing", "");
	view_set(features, "metrics", a->conf->metrics.prometheus ? "Prometheus" : "");
	json_object_set_new(features, "accessLog", json_boolean(a->conf->access_log));
	json_object_set_new(all, "features", features);
	for (size_t i = 0; i < a->inbox.v.n; i++)
		add_provider(providers, a->inbox.v.v[i].provider);
	json_object_set_new(all, "providers", providers);
	return all;
}

static const struct opt_table *entry_table(void)
{
	const struct opt *o = static_table.rows;

	while (o->name && strcmp(o->name, "entryPoints"))
		o++;
	return o->table;
}

json_t *api_entrypoints(const struct apply *a)
{
	const struct opt_map *m = &a->conf->entry_points;
	json_t *all = json_object();

	for (size_t i = 0; i < m->n; i++) {
		json_t *o = view_conf(entry_table(), opt_map_at(m, i));

		view_set(o, "name", m->keys[i]);
		json_object_set_new(all, m->keys[i], o);
	}
	return all;
}
