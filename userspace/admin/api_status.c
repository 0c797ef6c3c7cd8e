/* Reads the live state; only atomics are shared with the workers. */
#include "admin/api_status.h"
#include "admin/api_kernel.h"
#include "base/clock.h"
#include "observe/process.h"

static void set_int(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *show_error(const struct err_item *e)
{
	_cleanup_(buf_free) struct buf line;
	json_t *o = json_object();

	buf_init(&line, 1u << 20);
	err_format(e, &line);
	buf_char(&line, 0);
	view_set(o, "level", e->level == ERR_ERROR ? "error" : "warning");
	view_set(o, "file", e->file);
	if (e->line)
		set_int(o, "line", (uint64_t)e->line);
	if (e->col)
		set_int(o, "column", (uint64_t)e->col);
	view_set(o, "key", e->key);
	view_set(o, "text", e->text);
	view_set(o, "message", buf_ok(&line) ? line.p : e->text);
	return o;
}

static json_t *show_reload(const struct apply *a)
{
	json_t *o = json_object(), *errors = json_array();

	json_object_set_new(o, "ok", json_boolean(a->last_ok));
	set_int(o, "attempts", a->attempts);
	json_object_set_new(o, "lastAttempt", view_time(a->last_attempt_wall_ns));
	json_object_set_new(o, "lastSuccess", view_time(a->last_success_wall_ns));
	for (size_t i = 0; i < a->last_errors.n; i++)
		json_array_append_new(errors, show_error(&a->last_errors.v[i]));
	json_object_set_new(o, "errors", errors);
	return o;
}

static json_t *show_entries(const struct apply *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->engine->nentries; i++) {
		const struct entry *e = &a->engine->entries[i];
		json_t *o = json_object();

		view_set(o, "name", e->name);
		view_set(o, "address", e->conf->address);
		view_set(o, "protocol", e->udp ? "udp" : "tcp");
		json_object_set_new(o, "listening", json_boolean(e->listening));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *show_target(const struct target *t, uint32_t weight)
{
	enum target_reason why = (enum target_reason)atomic_load(&t->reason);
	char reason[TARGET_REASON_MAX];
	json_t *o = json_object();

	target_explain(t, why, reason);
	view_set(o, "server", t->name);
	set_int(o, "weight", weight);
	json_object_set_new(o, "up", json_boolean(atomic_load(&t->up)));
	view_set(o, "reason", reason);
	json_object_set_new(o, "since", view_time(atomic_load(&t->changed_wall_ns)));
	set_int(o, "inFlight", atomic_load(&t->in_flight));
	return o;
}

/* weights NULL: those of the balancer. */
static json_t *show_service(const struct service *s, const char *name, const char *type, const uint32_t *weights)
{
	json_t *o = json_object(), *servers = json_array();

	view_set(o, "name", name);
	view_set(o, "type", type);
	for (size_t i = 0; i < s->ntargets; i++)
		json_array_append_new(servers, show_target(s->targets[i], weights ? weights[i] : s->items[i].weight));
	json_object_set_new(o, "servers", servers);
	return o;
}

static json_t *show_http_service(const struct service *s)
{
	return show_service(s, s->name, "http", NULL);
}

static json_t *show_binding(const struct dynamic_conf *conf, const struct l4_binding *b)
{
	const struct l4_conf *l4 = b->proto == KERN_UDP ? &conf->udp : &conf->tcp;
	const struct router_conf *r = opt_map_get(&l4->routers, b->router);
	const char *name =
		r && r->service ? r->service : b->service->name; /* the live one's name carries the protocol */
	json_t *o = show_service(b->service, name, b->proto == KERN_UDP ? "udp" : "tcp", b->weights);
	char vip[ENDPOINT_TEXT_MAX];

	endpoint_print(&b->vip, vip);
	view_set(o, "router", b->router);
	view_set(o, "entryPoint", b->entry);
	view_set(o, "vip", vip);
	view_set(o, "datapath", "xdp");
	return o;
}

static json_t *show_services(const struct revision *rev)
{
	json_t *list = json_array();

	for (size_t i = 0; rev && rev->snapshot && i < rev->snapshot->nservices; i++)
		if (rev->snapshot->services[i]->policy)
			json_array_append_new(list, show_http_service(rev->snapshot->services[i]));
	for (size_t i = 0; rev && i < rev->nl4; i++)
		json_array_append_new(list, show_binding(&rev->conf, &rev->l4[i]));
	return list;
}

json_t *api_status(const struct apply *a)
{
	json_t *o = json_object(), *kernel = json_object();
	struct process p;
	double uptime;

	process_read(&p);
	uptime = (double)clock_wall_ns() / 1e9 - p.start_seconds;
	view_set(o, "version", SLUICE_VERSION);
	json_object_set_new(o, "startDate", view_time((uint64_t)(p.start_seconds * 1e9)));
	set_int(o, "uptimeSeconds", uptime > 0 ? (uint64_t)uptime : 0);
	json_object_set_new(o, "draining", json_boolean(atomic_load(&a->engine->draining)));
	set_int(o, "generation", a->generation);
	json_object_set_new(o, "reload", show_reload(a));
	set_int(o, "workers", a->engine->nworkers);
	set_int(o, "connections", atomic_load(&a->engine->connections));
	set_int(o, "maxConnections", a->engine->max_connections);
	json_object_set_new(o, "entryPoints", show_entries(a));
	json_object_set_new(kernel, "interfaces", api_kernel_interfaces(a));
	json_object_set_new(o, "kernel", kernel);
	json_object_set_new(o, "services", show_services(a->current));
	return o;
}
