/* Builds and tears down the live kernel tier and fills in kern_ops. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/count.h"
#include "kern/kern.h"
#include "kern/live.h"
#include "kern/mapio.h"
#include "kern/object.h"
#include "kern/pin.h"
#include "kern/probe_path.h"
#include "kern/rows.h"
#include "kern/settle.h"
#include "kern/sync_directory.h"
#include "kern/sync_guard.h"
#include "kern/sync_listener.h"
#include "lb/cookie.h"
#include "kern/sync_service.h"
#include "xdp.skel.h"

#define MAX_FLOWS     (1u << 23)      /* of two entries: 2 GiB of table */
#define HOPS_EVERY_NS (10 * NS_PER_S) /* without news; keeps stale neighbours confirmed */

static struct live *live_of(struct kern *k)
{
	return container_of(k, struct live, kern);
}

static int live_sync(struct kern *k, const struct kern_service *services, size_t n, struct err_list *errs)
{
	int r = sync_service(live_of(k), services, n, errs);

	if (r == 0)
		probe_path_keep_if_used(live_of(k), services, n);
	return r;
}

static int live_probe_path(struct kern *k, const struct kern_service *s, const struct endpoint *backend,
			   struct kern_probe_path *ret)
{
	return probe_path_find(live_of(k), s, backend, ret);
}

static int live_guard(struct kern *k, const struct kern_guard *guard, struct err_list *errs)
{
	return sync_guard(live_of(k), guard, errs);
}

static int live_poll_fd(struct kern *k)
{
	return neigh_fd(live_of(k)->neigh);
}

static int prog_fd(const struct live *l)
{
	return bpf_program__fd(l->object->progs.sluice_xdp);
}

/* Interfaces that came back are taken up again; those that cannot be keep their problem text. Devices are known before
 * the program runs, so that an adopted flow finds its way at once. */
static void attach_all(struct live *l)
{
	for (size_t i = 0; i < l->nattach; i++) {
		uint32_t ifindex = if_nametoindex(l->attach[i].name);

		if (ifindex)
			(void)sync_device(l, ifindex);
		(void)attach_on(&l->attach[i], prog_fd(l), l->mode, l->pin_path);
	}
}

static void live_refresh(struct kern *k)
{
	struct live *l = live_of(k);
	uint64_t now = clock_mono_ns();
	bool news = neigh_drain(l->neigh);

	if (now - l->settled_ns >= NS_PER_S) {
		settle_step(l);
		l->settled_ns = now;
	}
	if (!news && !l->unresolved && now - l->resolved_ns < HOPS_EVERY_NS)
		return;
	attach_all(l);
	sync_hops(l);
	(void)sync_listener(l); /* what is missing goes to the stack as ever, and the next round tries again */
	l->resolved_ns = now;
}

static void live_counts(struct kern *k, void (*fn)(void *ctx, const struct kern_count *c), void *ctx)
{
	count_visit(live_of(k), fn, ctx);
	guard_visit(live_of(k), fn, ctx);
}

static size_t live_interfaces(struct kern *k, struct kern_iface_state *ret, size_t max)
{
	const struct live *l = live_of(k);
	size_t n = l->nattach < max ? l->nattach : max;

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct kern_iface_state){ .name = l->attach[i].name,
						    .mode = l->attach[i].mode,
						    .problem = l->attach[i].problem[0] ? l->attach[i].problem : NULL };
	return n;
}

/* Frees everything; what is pinned stays in force. Accepts a half-built one. */
static void live_free(struct live *l)
{
	for (size_t i = 0; i < l->nattach; i++)
		attach_off(&l->attach[i], true, l->pin_path);
	settle_void(l);
	settle_free(&l->settle);
	sync_directory_close(l);
	object_close(&l->object);
	neigh_close(&l->neigh);
	table_free(&l->table);
	mem_closep(&l->lock_fd);
	free(l->rows_of);
	free(l->moved);
	free(l->attach);
	free(l->listeners);
	free(l->pin_path);
	free(l);
}

static void live_close(struct kern *k, bool keep)
{
	struct live *l = live_of(k);

	probe_path_close(l); /* nobody is left to check */
	if (!keep) {
		for (size_t i = 0; i < l->nattach; i++)
			attach_off(&l->attach[i], false, l->pin_path);
		pin_remove(l->pin_path);
	}
	live_free(l);
}

static const struct kern_ops live_ops = {
	.sync = live_sync,
	.guard = live_guard,
	.probe_path = live_probe_path,
	.poll_fd = live_poll_fd,
	.refresh = live_refresh,
	.counts = live_counts,
	.interfaces = live_interfaces,
	.close = live_close,
};

static struct live *live_new(const struct kern_conf *conf, int lock_fd)
{
	struct live *l = mem_zalloc(sizeof(*l));

	l->kern.ops = &live_ops;
	l->lock_fd = lock_fd;
	l->pin_path = mem_strdup(conf->pin_path);
	l->mode = conf->mode;
	l->maglev_size = conf->maglev_size;
	l->probe = conf->probe;
	l->rows_of = mem_zalloc(conf->max_services * sizeof(*l->rows_of));
	l->moved = mem_zalloc(conf->max_services * sizeof(*l->moved));
	l->listeners = mem_zalloc((conf->nlisteners + 1) * sizeof(*l->listeners));
	l->nlisteners = conf->nlisteners;
	for (size_t i = 0; i < l->nlisteners; i++)
		l->listeners[i] = conf->listeners[i];
	l->settle = settle_new(conf->tcp_timeout_ns, conf->udp_timeout_ns);
	l->track_udp = conf->guard.connections_per_second > 0;
	l->attach = mem_zalloc((conf->ninterfaces + 1) * sizeof(*l->attach));
	l->nattach = conf->ninterfaces;
	for (size_t i = 0; i < l->nattach; i++)
		attach_init(&l->attach[i], conf->interfaces[i]);
	table_init(&l->table, conf->max_services, conf->max_backends);
	return l;
}

static int check_conf(const struct kern_conf *c, struct err_list *errs)
{
	struct place at = { 0 };
	size_t before = errs->errors;

	if (c->max_backends == 0 || c->max_backends >= LB_ROW_NONE || c->max_services == 0 ||
	    c->max_services >= LB_ID_NONE)
		err_add(errs, at, "kernel", "maxServices must be 1..%u and maxBackends 1..%u", LB_ID_NONE - 1,
			LB_ROW_NONE - 1);
	if (c->max_flows == 0 || c->max_flows > MAX_FLOWS)
		err_add(errs, at, "kernel.maxFlows", "must be 1..%u", MAX_FLOWS);
	if (c->snat_port_lo == 0 || c->snat_port_lo > c->snat_port_hi)
		err_add(errs, at, "kernel", "the source port range %u-%u is empty", c->snat_port_lo, c->snat_port_hi);
	return errs->errors == before ? 0 : -EINVAL;
}

/* How many rows of the service an earlier agent left marked. */
static int adopt_rows(struct live *l, uint32_t id)
{
	struct rows rows;
	int r;

	if (!l->table.services[id].active)
		return 0;
	r = rows_read(l, id, &rows);
	if (r < 0)
		return r;
	l->moved[id] = (uint32_t)rows.moved;
	rows_free(&rows);
	return 0;
}

/* The ids an earlier agent gave out, and the ways its backends are reached by. */
static int adopt_table(struct live *l)
{
	int r = mapio_read_array(bpf_map__fd(l->object->maps.services), l->table.services, l->table.nservices,
				 sizeof(*l->table.services));

	if (r == 0)
		r = mapio_read_array(bpf_map__fd(l->object->maps.backends), l->table.backends, l->table.nbackends,
				     sizeof(*l->table.backends));
	for (uint32_t id = 0; r == 0 && id < l->table.nservices; id++)
		r = adopt_rows(l, id);
	for (uint32_t id = 0; r == 0 && id < l->table.nbackends; id++)
		if (l->table.backends[id].flags & LB_BACKEND_NEXTHOP)
			(void)sync_device(l, l->table.backends[id].ifindex);
	return r;
}

/* Takes the program off interfaces that are no longer configured. */
static void drop_other_link(void *ctx, const char *path)
{
	const struct live *l = ctx;
	char mine[PIN_PATH_MAX];

	for (size_t i = 0; i < l->nattach; i++)
		if (pin_link_path(l->pin_path, l->attach[i].name, mine) == 0 && strcmp(mine, path) == 0)
			return;
	unlink(path);
}

static void warn_interfaces(const struct live *l, struct err_list *errs)
{
	for (size_t i = 0; i < l->nattach; i++)
		if (l->attach[i].problem[0])
			err_warn(errs, (struct place){ 0 }, "kernel.interfaces", "%s: %s", l->attach[i].name,
				 l->attach[i].problem);
}

static void warn_cookies(const struct kern_guard *g, struct err_list *errs)
{
	if (g->syn_cookies && !listener_cookies_ready())
		err_warn(errs, (struct place){ 0 }, "kernel.protection.synCookies",
			 "no SYN cookies are sent until a listener's queue is full, because "
			 "net.ipv4.tcp_syncookies is not 2 here: `sysctl net.ipv4.tcp_syncookies=2`");
}

int kern_open(const struct kern_conf *conf, struct kern **ret, struct err_list *errs)
{
	struct live *l;
	bool fresh;
	int lock_fd, r = check_conf(conf, errs);

	if (r == 0)
		r = pin_prepare(conf->pin_path, errs);
	if (r < 0)
		return r;
	fresh = pin_is_empty(conf->pin_path);
	lock_fd = pin_lock(conf->pin_path, errs);
	if (lock_fd < 0)
		return lock_fd;
	l = live_new(conf, lock_fd);
	r = object_open(conf, &l->object, errs);
	if (r < 0)
		goto fail;
	r = neigh_open(&l->neigh);
	if (r == 0)
		r = sync_directory_open(l);
	if (r == 0)
		r = adopt_table(l);
	if (r < 0) {
		err_add(errs, (struct place){ 0 }, "kernel", "starting the XDP tier failed: %s", strerror(-r));
		goto fail;
	}
	r = sync_guard(l, &conf->guard, errs);
	if (r < 0)
		goto fail;
	probe_path_take_out(l->pin_path); /* left by a run that was killed; what is needed is made when it is */
	r = sync_listener(l);
	if (r < 0) {
		err_add(errs, (struct place){ 0 }, "kernel.protection.synCookies",
			"installing the listeners failed: %s (there is room for %u addresses with ports)", strerror(-r),
			LB_LISTENERS);
		goto fail;
	}
	attach_all(l);
	pin_each_link(l->pin_path, drop_other_link, l);
	warn_interfaces(l, errs);
	warn_cookies(&conf->guard, errs);
	*ret = &l->kern;
	return 0;
fail:
	live_free(l);
	if (fresh)
		pin_remove(conf->pin_path);
	return r;
}
