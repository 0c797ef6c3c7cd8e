/* Taking over configurations, and keeping the kernel tier at the state of the health checks. */
#include "conf/apply.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "backend/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/decode.h"
#include "conf/diff.h"
#include "conf/health.h"
#include "conf/check_tls.h"
#include "conf/link.h"
#include "conf/link_tls.h"

/* ---- the kernel tier ---- */

static void fill_backends(const struct l4_binding *b, struct kern_backend *out)
{
	for (size_t i = 0; i < b->service->ntargets; i++) {
		const struct target *t = b->service->targets[i];
		const struct l4_server_conf *conf = opt_list_at(&b->lb->servers, i);
		out[i] = (struct kern_backend){ .at = t->at, .weight = b->weights[i], .up = atomic_load(&t->up) };
		if (b->lb->quic)
			(void)num_hex(str_of(conf->quic_id), out[i].quic_id, (size_t)b->lb->quic->length);
	}
}

struct kern_service apply_kern_service(const struct apply *a, const struct l4_binding *b)
{
	return (struct kern_service){
		.name = b->router,
		.vip = b->vip,
		.proto = b->proto,
		.last_port = b->last_port,
		.forwarding = (enum kern_forwarding)b->lb->forwarding,
		.track = b->lb->tracking == TRACKING_ALWAYS,
		.affinity_ns = (uint64_t)b->lb->affinity_ns,
		.echo = a->conf->kernel.answer_ping,
		.quic_length = b->lb->quic ? (uint8_t)b->lb->quic->length : 0,
		.quic_config = b->lb->quic ? (uint8_t)b->lb->quic->config_id : 0,
		.checked = b->lb->health_check,
	};
}

/* rev->nl4 of them, in the arena. */
static struct kern_service *fill_services(const struct apply *a, const struct revision *rev, struct arena *arena)
{
	struct kern_service *services = arena_zalloc(arena, (rev->nl4 + 1) * sizeof(*services));
	for (size_t i = 0; i < rev->nl4; i++) {
		const struct l4_binding *b = &rev->l4[i];
		struct kern_backend *backends = arena_zalloc(arena, (b->service->ntargets + 1) * sizeof(*backends));
		fill_backends(b, backends);
		services[i] = apply_kern_service(a, b);
		services[i].backends = backends;
		services[i].nbackends = b->service->ntargets;
	}
	return services;
}

static int sync_kernel(struct apply *a, const struct revision *rev, struct err_list *errs)
{
	struct arena arena;
	arena_init(&arena);
	int rc = a->kern->ops->sync(a->kern, fill_services(a, rev, &arena), rev->nl4, errs);
	arena_reset(&arena);
	return rc;
}

static void log_errors(const struct err_list *errs)
{
	for (size_t i = 0; i < errs->n; i++) {
		struct buf line;
		buf_init(&line, 0);
		err_format(&errs->v[i], &line);
		_cleanup_free_ char *text = buf_take(&line);
		if (errs->v[i].level == ERR_ERROR)
			log_error(text);
		else
			log_warn(text);
	}
}

static void on_resync(struct timer *t)
{
	struct apply *a = container_of(t, struct apply, resync);
	struct err_list errs;
	err_init(&errs);
	if (a->current && sync_kernel(a, a->current, &errs) < 0)
		log_errors(&errs);
	err_free(&errs);
}

/* ---- health ---- */

static void on_health(void *ctx, struct service *s, struct target *t, bool up, enum target_reason why)
{
	struct apply *a = ctx;
	char reason[TARGET_REASON_MAX];
	target_explain(t, why, reason);
	if (up)
		log_info("server is up", F_STR("service", s->name), F_STR("server", t->name), F_STR("reason", reason));
	else
		log_warn("server is down", F_STR("service", s->name), F_STR("server", t->name),
			 F_STR("reason", reason));
	if (t->up_series)
		metric_set(t->up_series, up ? 1 : 0);
	if (!s->policy)
		timer_set(&a->loop->wheel, &a->resync, clock_mono_ns() / NS_PER_MS + 1);
}

static bool on_way(void *ctx, struct service *s, struct target *t, struct check_way *ret)
{
	return health_way(ctx, s, t, ret);
}

static bool has_service(const struct snapshot *s, const struct service *wanted)
{
	for (size_t i = 0; s && i < s->nservices; i++)
		if (s->services[i] == wanted)
			return true;
	return false;
}

static void stop_checks(const struct snapshot *old, const struct snapshot *new)
{
	for (size_t i = 0; old && i < old->nservices; i++)
		if (!has_service(new, old->services[i]))
			check_stop((struct check_group **)&old->services[i]->checks);
}

static void start_checks(struct apply *a, struct revision *rev, const struct snapshot *old)
{
	for (size_t i = 0; i < rev->snapshot->nservices; i++) {
		struct service *s = rev->snapshot->services[i];
		struct check_spec spec;
		if (has_service(old, s) || !health_spec(&rev->conf, s->name, &spec, &rev->arena))
			continue;
		s->checks = check_start(a->loop, s, &spec, on_health, s->policy ? NULL : on_way, a);
	}
}

/* ---- publish ---- */

static bool names_target(const struct snapshot *s, const struct target *t)
{
	for (size_t i = 0; i < s->nservices; i++)
		for (size_t k = 0; k < s->services[i]->ntargets; k++)
			if (s->services[i]->targets[k] == t)
				return true;
	return false;
}

static void retire_targets(const struct snapshot *old, const struct snapshot *new)
{
	for (size_t i = 0; old && i < old->nservices; i++) {
		if (has_service(new, old->services[i]))
			continue;
		for (size_t k = 0; k < old->services[i]->ntargets; k++)
			if (!names_target(new, old->services[i]->targets[k]))
				atomic_store(&old->services[i]->targets[k]->retired, true);
	}
}

static void revision_free(struct revision **rp)
{
	struct revision *r = take_ptr(*rp);
	if (!r)
		return;
	snapshot_unref(r->snapshot);
	transports_free(&r->transports);
	arena_reset(&r->arena);
	free(r);
}

/* An entry point whose address a kernel service owns has no listener: its packets never reach a socket. */
static bool wants_listener(const struct revision *rev, const struct entry *e)
{
	if (e->udp)
		return false;
	for (size_t i = 0; i < rev->nl4; i++)
		if (rev->l4[i].proto == KERN_TCP && strcmp(rev->l4[i].entry, e->name) == 0)
			return false;
	return true;
}

/* An address that is not this host's can only be meant for the kernel tier: without a router there it just waits for
 * one. */
static int stage_listener(struct apply *a, struct revision *rev, struct entry *e, struct err_list *errs)
{
	const char *key = arena_printf(&rev->arena, "entryPoints.%s.address", e->name);
	if (e->last_port) {
		err_warn(errs, e->conf->at, key,
			 "only the kernel tier serves several ports, and no service of it uses this entry point: "
			 "nothing "
			 "listens there");
		return 0;
	}
	int rc = engine_stage(a->engine, e);
	if (rc == -EADDRNOTAVAIL && a->conf->kernel.interfaces.n) {
		err_warn(errs, e->conf->at, key,
			 "%s is not an address of this host and no kernel service uses it: nothing listens there",
			 e->conf->address);
		return 0;
	}
	if (rc < 0)
		err_add(errs, e->conf->at, key, "cannot listen on %s: %s", e->conf->address, strerror(-rc));
	return rc;
}

/* Opens what the candidate needs and we do not have; everything is tried, so that all problems are told at once. */
static int stage_listeners(struct apply *a, struct revision *rev, struct err_list *errs)
{
	int rc = 0;
	for (size_t i = 0; i < a->engine->nentries; i++) {
		struct entry *e = &a->engine->entries[i];
		if (!e->listening && wants_listener(rev, e) && stage_listener(a, rev, e, errs) < 0)
			rc = -EINVAL;
	}
	return rc;
}

static void unstage_listeners(struct apply *a)
{
	for (size_t i = 0; i < a->engine->nentries; i++)
		engine_unstage(a->engine, &a->engine->entries[i]);
}

static void switch_listeners(struct apply *a, const struct revision *rev)
{
	for (size_t i = 0; i < a->engine->nentries; i++) {
		struct entry *e = &a->engine->entries[i];
		if (e->staged)
			engine_listen(a->engine, e);
		else if (e->listening && !wants_listener(rev, e))
			engine_unlisten(a->engine, e);
	}
}

static void log_applied(const struct apply *a, const struct dynamic_conf *before)
{
	struct diff d;
	struct buf text;
	diff_init(&d);
	buf_init(&text, 4096);
	diff_dynamic(&d, before, &a->current->conf);
	diff_print(&d, 8, &text);
	_cleanup_free_ char *changes = buf_take(&text);
	log_info("configuration applied", F_INT("generation", a->generation),
		 F_INT("http routers", a->current->conf.http.routers.n), F_INT("kernel services", a->current->nl4),
		 F_STR("changes", changes));
	diff_free(&d);
}

static void commit(struct apply *a, struct revision *rev)
{
	struct revision *old = a->current;
	const struct snapshot *was = old ? old->snapshot : NULL;
	stop_checks(was, rev->snapshot);
	start_checks(a, rev, was);
	retire_targets(was, rev->snapshot);
	link_tls_retire(was, rev->snapshot);
	a->generation = rev->snapshot->generation;
	rev->snapshot->applied_wall_ns = clock_wall_ns();
	engine_publish(a->engine, snapshot_ref(rev->snapshot));
	switch_listeners(a, rev);
	a->current = rev;
	log_applied(a, old ? &old->conf : NULL);
	revision_free(&old);
}

/* The whole walk for one candidate; on failure nothing but errs has changed. */
static int take_over(struct apply *a, struct err_list *errs)
{
	struct revision *rev = mem_zalloc(sizeof(*rev));
	arena_init(&rev->arena);
	struct tree *root;
	int rc = inbox_merge(&a->inbox, &rev->arena, &root, errs);
	if (rc == 0)
		rc = decode_dynamic(root, a->conf, &rev->arena, &rev->conf, errs);
	if (rc == 0) {
		cert_watch_set(&a->certs, &rev->conf); /* of a refused one too: the missing file may come */
		rc = link_build(a, rev, errs);
	}
	if (rc == 0)
		rc = stage_listeners(a, rev, errs);
	if (rc == 0)
		rc = sync_kernel(a, rev, errs);
	if (rc < 0) {
		unstage_listeners(a);
		if (a->current) /* a half-done sync goes back to what is in force */
			timer_set(&a->loop->wheel, &a->resync, clock_mono_ns() / NS_PER_MS + 1);
		revision_free(&rev);
		return rc;
	}
	commit(a, rev);
	return 0;
}

static void note_attempt(struct apply *a, int rc, struct err_list *errs)
{
	a->attempts++;
	a->last_attempt_wall_ns = clock_wall_ns();
	a->last_ok = rc == 0;
	err_free(&a->last_errors);
	err_init(&a->last_errors);
	err_sort(errs);
	err_move(&a->last_errors, errs);
	metric_add(a->reloads, metric_control_column(), 1);
	if (rc < 0)
		return;
	a->last_success_wall_ns = a->last_attempt_wall_ns;
	metric_set(a->last_success, (double)(a->last_success_wall_ns / NS_PER_S));
}

static void log_refused(const struct apply *a)
{
	log_error(a->current ? "configuration refused, the previous one stays in force" : "configuration refused",
		  F_INT("errors", a->last_errors.errors));
}

static void on_changed(struct inbox *in)
{
	struct apply *a = container_of(in, struct apply, inbox);
	struct err_list errs;
	err_init(&errs);
	int rc = take_over(a, &errs);
	note_attempt(a, rc, &errs);
	log_errors(&a->last_errors);
	if (rc < 0)
		log_refused(a);
}

static void on_refused(struct inbox *in, const char *provider, struct err_list *errs)
{
	struct apply *a = container_of(in, struct apply, inbox);
	note_attempt(a, -EINVAL, errs);
	log_errors(&a->last_errors);
	(void)provider;
	log_refused(a);
}

int apply_validate(struct apply *a)
{
	struct arena arena;
	struct err_list errs;
	struct tree *root;
	struct dynamic_conf conf;
	arena_init(&arena);
	err_init(&errs);
	int rc = inbox_merge(&a->inbox, &arena, &root, &errs);
	if (rc == 0)
		rc = decode_dynamic(root, a->conf, &arena, &conf, &errs);
	if (rc == 0)
		rc = check_tls_files(&conf, a->conf, &errs);
	if (rc < 0)
		log_errors(&errs);
	else if (a->last_errors.errors) /* a provider's delivery was refused, and logged, already */
		rc = -EINVAL;
	err_free(&errs);
	arena_reset(&arena);
	return rc;
}

int apply_plan(struct apply *a, void (*fn)(void *ctx, const struct kern_service *services, size_t n), void *ctx,
	       struct err_list *errs)
{
	struct revision *rev = mem_zalloc(sizeof(*rev));
	arena_init(&rev->arena);
	struct tree *root;
	int rc = inbox_merge(&a->inbox, &rev->arena, &root, errs);
	if (rc == 0)
		rc = decode_dynamic(root, a->conf, &rev->arena, &rev->conf, errs);
	if (rc == 0)
		rc = link_build(a, rev, errs);
	if (rc == 0) {
		a->current = rev;
		fn(ctx, fill_services(a, rev, &rev->arena), rev->nl4);
		a->current = NULL;
	}
	revision_free(&rev);
	return rc;
}

static void on_ticket_turn(struct timer *t)
{
	struct apply *a = container_of(t, struct apply, ticket_turn);
	if (ticket_ring_rotate(a->tickets) < 0)
		log_error("no new key for TLS session tickets; the old ones stay in use");
	timer_set(&a->loop->wheel, t, clock_mono_ns() / NS_PER_MS + TICKET_KEY_SECONDS * 1000ull);
}

static void on_certs_changed(struct cert_watch *w)
{
	struct apply *a = container_of(w, struct apply, certs);
	log_info("certificate files changed");
	inbox_again(&a->inbox);
}

static void tls_init(struct apply *a)
{
	cert_watch_init(&a->certs, a->loop, on_certs_changed);
	a->tickets = mem_zalloc(sizeof(*a->tickets));
	timer_init(&a->ticket_turn, on_ticket_turn);
	a->self_made = keypair_self_made();
	if (ticket_ring_init(a->tickets) < 0 || !a->self_made)
		log_error("no randomness for TLS keys");
	timer_set(&a->loop->wheel, &a->ticket_turn, clock_mono_ns() / NS_PER_MS + TICKET_KEY_SECONDS * 1000ull);
}

static void tls_free(struct apply *a)
{
	cert_watch_free(&a->certs);
	timer_cancel(&a->loop->wheel, &a->ticket_turn);
	ticket_ring_free(a->tickets);
	free(a->tickets);
	keypair_unref(&a->self_made);
}

void apply_init(struct apply *a)
{
	tls_init(a);
	a->current = NULL;
	a->last_ok = false;
	a->generation = a->attempts = a->last_attempt_wall_ns = a->last_success_wall_ns = 0;
	err_init(&a->last_errors);
	timer_init(&a->resync, on_resync);
	a->reloads = metric_series_get(metric_family("traefik_config_reloads_total", "Configurations tried.",
						     METRIC_COUNTER, NULL, 0, NULL, 0),
				       NULL);
	a->last_success =
		metric_series_get(metric_family("traefik_config_last_reload_success",
						"When a configuration was last taken over, in seconds since 1970.",
						METRIC_GAUGE, NULL, 0, NULL, 0),
				  NULL);
	inbox_init(&a->inbox, a->loop, (uint64_t)a->conf->providers.throttle_ns);
	a->inbox.changed = on_changed;
	a->inbox.refused = on_refused;
}

void apply_free(struct apply *a)
{
	timer_cancel(&a->loop->wheel, &a->resync);
	if (a->current)
		stop_checks(a->current->snapshot, NULL);
	revision_free(&a->current);
	tls_free(a);
	inbox_free(&a->inbox);
	err_free(&a->last_errors);
	metric_series_put(&a->reloads);
	metric_series_put(&a->last_success);
}
