/* sluice run: wires the rooms together, in order, and tears them down in reverse. The only place that owns one of each.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "admin/ctl.h"
#include "admin/internals.h"
#include "app/cli.h"
#include "app/kernel_conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/apply.h"
#include "conf/static.h"
#include "conf/main_file.h"
#include "conf/prefix_file.h"
#include "io/cpu.h"
#include "http/uri.h"
#include "io/signal.h"
#include "model/address.h"
#include "observe/access_log.h"
#include "proxy/reason.h"
#include "provider/all.h"

struct agent {
	struct arena arena;
	struct static_conf conf;
	struct tree *dynamic_part;
	struct loop loop;
	struct mailbox box;
	struct signal_watch signals;
	struct engine engine;
	struct kern *kern;
	struct apply apply;
	struct access_log *access_log;
	struct main_file main_file;
	void *providers[PROVIDER_MAX]; /* as in provider_all; NULL: not asked for */
	struct ctl *ctl;
	struct loop_hook kern_hook;
	struct watch kern_watch;
	struct timer kern_tick;
	bool stopping;
};

/* ---- configuration, log ---- */

static int load_conf(struct agent *a, const char *path)
{
	struct err_list errs;
	err_init(&errs);
	int rc = static_load(path, &a->arena, &a->conf, &a->dynamic_part, &errs);
	err_print(&errs, stderr);
	err_free(&errs);
	return rc;
}

static int open_log(const struct log_conf *c)
{
	int rc = log_open(c->level, c->format, c->file_path);
	if (rc < 0)
		fprintf(stderr, "sluice: cannot open the log %s: %s\n", c->file_path, strerror(-rc));
	return rc;
}

static void log_list(const struct err_list *errs)
{
	for (size_t i = 0; i < errs->n; i++) {
		if (errs->v[i].level == ERR_ERROR)
			log_error(errs->v[i].text);
		else
			log_warn(errs->v[i].text);
	}
}

/* ---- kernel tier ---- */

/* The prefix files again; what they said before stays in force if they cannot be taken. Which line is broken is told
 * with the refused configuration, which the same signal has read again. */
static void reload_guard(struct agent *a)
{
	const struct protection_conf *c = &a->conf.kernel.protection;
	struct prefix_lists lists = { 0 };
	struct err_list errs;

	if (!c->allow_file && !c->deny_file)
		return;
	err_init(&errs);
	if (prefix_lists_load(c, &lists, &errs) < 0) {
		log_error("the source prefixes stay as they were", F_INT("errors", errs.errors));
	} else {
		struct kern_guard guard = kernel_conf_guard(c, &lists);

		if (a->kern->ops->guard(a->kern, &guard, &errs) < 0)
			log_list(&errs);
		else
			log_info("source prefixes read again", F_INT("allow", lists.allow.n),
				 F_INT("deny", lists.deny.n));
	}
	prefix_lists_free(&lists);
	err_free(&errs);
}

static struct kern *open_kernel(const struct static_conf *sc, struct arena *arena)
{
	const struct kernel_conf *c = &sc->kernel;
	struct kern_conf kc = kernel_conf_of(c);
	if (c->interfaces.n == 0)
		return kern_none_open("no kernel.interfaces are configured");
	const char *missing = kern_probe();
	if (*missing) {
		log_warn("the kernel tier is off; HTTP is served all the same", F_STR("missing", missing));
		return kern_none_open(missing);
	}
	struct err_list errs;
	struct kern *k = NULL;
	err_init(&errs);
	struct prefix_lists lists = { 0 };
	int rc = prefix_lists_load(&c->protection, &lists, &errs);
	kc.guard = kernel_conf_guard(&c->protection, &lists);
	kernel_conf_listeners(sc, &kc, arena);
	if (rc == 0)
		rc = kern_open(&kc, &k, &errs);
	prefix_lists_free(&lists);
	log_list(&errs);
	err_free(&errs);
	if (rc == 0)
		return k;
	log_error("the kernel tier could not be started; HTTP is served all the same", F_STR("error", strerror(-rc)));
	return kern_none_open("the kernel tier could not be started");
}

static void on_kern_ready(struct watch *w, uint32_t events)
{
	struct agent *a = container_of(w, struct agent, kern_watch);
	(void)events;
	a->kern->ops->refresh(a->kern);
}

static void on_kern_tick(struct timer *t)
{
	struct agent *a = container_of(t, struct agent, kern_tick);
	a->kern->ops->refresh(a->kern);
	timer_set(&a->loop.wheel, t, a->loop.now_ns / 1000000 + 1000);
}

static void start_kernel(struct agent *a)
{
	a->kern = open_kernel(&a->conf, &a->arena);
	a->kern_watch.fd = -1;
	timer_init(&a->kern_tick, on_kern_tick);
	int fd = a->kern->ops->poll_fd(a->kern), rc = 0;
	if (fd < 0)
		return;
	a->kern_watch.ready = on_kern_ready;
	loop_add_level(&a->loop, &a->kern_watch, fd, &rc);
	timer_set(&a->loop.wheel, &a->kern_tick, a->loop.now_ns / 1000000 + 1000);
}

/* ---- engine ---- */

static const double default_buckets[] = { 0.1, 0.3, 1.2, 5.0 };

static void setup_metrics(struct agent *a)
{
	static const char *const reason_label[] = { "reason" };
	const struct prometheus_conf *p = a->conf.metrics.prometheus;
	const struct opt_doubles *b = p ? &p->buckets : NULL;
	metric_setup(a->engine.nworkers);
	httpset_setup(b && b->n ? b->v : default_buckets, b && b->n ? (unsigned)b->n : ARRAY_LEN(default_buckets));
	struct metric_family *f = metric_family("sluice_request_failures_total",
						"Requests that did not end in a complete exchange, by reason.",
						METRIC_COUNTER, reason_label, 1, NULL, 0);
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++)
		a->engine.reasons[r] = metric_series_get(f, (const char *const[]){ reason_name((enum reason)r) });
}

static bool counts_requests(const struct agent *a, const char *name)
{
	const struct prometheus_conf *p = a->conf.metrics.prometheus;
	return p && p->add_entry_points_labels && strcmp(name, "traefik") != 0;
}

static void setup_handshakes(struct entry *e)
{
	static const char *const labels[] = { "entrypoint", "result" };
#define X(id, name) name,
	static const char *const results[] = { HANDSHAKE_RESULTS(X) };
#undef X
	struct metric_family *f = metric_family("sluice_tls_handshakes_total", "TLS handshakes of clients, by result.",
						METRIC_COUNTER, labels, 2, NULL, 0);
	for (int i = 0; i < HANDSHAKE_RESULT_COUNT; i++)
		e->handshakes[i] = metric_series_get(f, (const char *const[]){ e->name, results[i] });
}

static void fill_prefixes(struct prefix_set *s, const struct opt_strings *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		struct prefix p;
		if (prefix_parse(str_of(texts->v[i]), &p) == 0)
			prefix_set_add(s, &p);
	}
	prefix_set_finish(s);
}

static uint8_t denied_escapes(const struct encoded_conf *c)
{
	return (uint8_t)((c->slash ? 0 : URI_ESC_SLASH) | (c->backslash ? 0 : URI_ESC_BACKSLASH) |
			 (c->nul ? 0 : URI_ESC_NUL) | (c->semicolon ? 0 : URI_ESC_SEMICOLON) |
			 (c->percent ? 0 : URI_ESC_PERCENT) | (c->question ? 0 : URI_ESC_QUESTION) |
			 (c->hash ? 0 : URI_ESC_HASH));
}

static void setup_entry(struct agent *a, struct entry *e, const char *name, const struct entry_conf *conf)
{
	static const char *const labels[] = { "entrypoint", "protocol" };
	e->name = name;
	e->conf = conf;
	entry_place(e);
	fill_prefixes(&e->trusted, &conf->forwarded.trusted_ips);
	if (conf->proxy_protocol)
		fill_prefixes(&e->proxies, &conf->proxy_protocol->trusted_ips);
	e->denied_escapes = denied_escapes(&conf->http.encoded);
	if (counts_requests(a, name))
		e->metrics = httpset_new(HTTPSET_ENTRYPOINT, name, NULL);
	if (a->conf.metrics.prometheus && !e->udp)
		setup_handshakes(e);
	if (a->conf.metrics.prometheus && !e->udp)
		e->open_connections =
			metric_series_get(metric_family("traefik_open_connections", "Open client connections.",
							METRIC_GAUGE, labels, 2, NULL, 0),
					  (const char *const[]){ name, "TCP" });
}

static void setup_entries(struct agent *a)
{
	const struct opt_map *m = &a->conf.entry_points;
	a->engine.entries = arena_zalloc(&a->arena, (m->n + 1) * sizeof(*a->engine.entries));
	a->engine.nentries = m->n;
	for (size_t i = 0; i < m->n; i++) {
		a->engine.entries[i].id = (unsigned)i;
		setup_entry(a, &a->engine.entries[i], m->keys[i], opt_map_at(m, i));
	}
}

static int open_access_log(struct agent *a)
{
	if (!a->conf.access_log)
		return 0;
	int rc = access_log_open(a->conf.access_log, a->engine.nworkers, &a->access_log);
	if (rc < 0) {
		log_error("cannot open the access log", F_STR("path", a->conf.access_log->file_path),
			  F_STR("error", strerror(-rc)));
		return rc;
	}
	access_log_logger(a->access_log, &a->engine.loggers[a->engine.nloggers++]);
	a->engine.log_internals = a->conf.access_log->add_internals;
	return 0;
}

static unsigned blocks_per_worker(uint64_t bytes, unsigned workers)
{
	uint64_t n = bytes / BLOCK_SIZE / workers;
	return !bytes ? 0 : n > UINT_MAX ? UINT_MAX : n ? (unsigned)n : 1;
}

static int setup_engine(struct agent *a)
{
	struct engine *e = &a->engine;
	e->nworkers = a->conf.workers ? (unsigned)a->conf.workers : cpu_affinity_count();
	e->control = &a->box;
	e->max_connections = (unsigned)a->conf.max_connections;
	e->max_handshakes = (unsigned)a->conf.max_handshakes;
	e->max_queue_delay_ns = (uint64_t)a->conf.overload.max_queue_delay_ns;
	e->max_blocks = blocks_per_worker(a->conf.overload.max_buffer_memory, e->nworkers);
	(void)gethostname(e->hostname, sizeof(e->hostname) - 1);
	setup_metrics(a);
	setup_entries(a);
	return open_access_log(a);
}

/* Each connection costs two descriptors at most; ask for what the configuration allows. */
static void raise_fd_limit(const struct agent *a)
{
	struct rlimit lim;
	rlim_t want = (rlim_t)a->conf.max_connections * 2 + 1024;
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur >= want)
		return;
	lim.rlim_cur = lim.rlim_max != RLIM_INFINITY && lim.rlim_max < want ? lim.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

/* ---- signals ---- */

static void reload_providers(struct agent *a)
{
	for (size_t i = 0; provider_all[i]; i++)
		if (a->providers[i] && provider_all[i]->reload)
			provider_all[i]->reload(a->providers[i]);
}

static void on_signal(struct signal_watch *s, int signo)
{
	struct agent *a = container_of(s, struct agent, signals);
	switch (signo) {
	case SIGHUP:
		reload_guard(a);
		reload_providers(a);
		return;
	case SIGUSR1:
		(void)log_reopen();
		if (a->access_log)
			(void)access_log_reopen(a->access_log);
		return;
	default:
		if (!a->stopping)
			log_info("stopping", F_STR("signal", strsignal(signo)));
		a->stopping = true;
		loop_stop(&a->loop);
	}
}

/* ---- providers ---- */

static int start_provider(struct agent *a, size_t i, const struct provider_env *env)
{
	struct provider_sink sink = inbox_sink(&a->apply.inbox);
	const struct provider_ops *ops = provider_all[i];
	a->providers[i] = ops->create(env);
	if (!a->providers[i])
		return 0;
	int rc = ops->start(a->providers[i], &a->loop, &sink);
	if (rc < 0)
		log_error("a provider could not be started", F_STR("provider", ops->name),
			  F_STR("error", strerror(-rc)));
	return rc;
}

static int start_providers(struct agent *a, const char *path)
{
	struct provider_env env = {
		.conf = &a->conf.providers,
		.main_path = path,
		.main_part = main_file_part,
		.main_ctx = &a->main_file,
	};
	main_file_init(&a->main_file, &a->conf);
	int rc = 0;
	for (size_t i = 0; provider_all[i] && rc == 0; i++)
		rc = start_provider(a, i, &env);
	return rc;
}

static void stop_providers(struct agent *a)
{
	for (size_t i = 0; provider_all[i]; i++)
		if (a->providers[i])
			provider_all[i]->stop(a->providers[i]);
}

/* ---- life ---- */

static void free_metrics(struct agent *a)
{
	for (size_t i = 0; i < a->engine.nentries; i++) {
		httpset_unref(&a->engine.entries[i].metrics);
		metric_series_put(&a->engine.entries[i].open_connections);
		for (int k = 0; k < HANDSHAKE_RESULT_COUNT; k++)
			metric_series_put(&a->engine.entries[i].handshakes[k]);
		prefix_set_free(&a->engine.entries[i].trusted);
		prefix_set_free(&a->engine.entries[i].proxies);
	}
	for (int r = 0; r < REASON_COUNT; r++)
		metric_series_put(&a->engine.reasons[r]);
}

/* Workers drain all entry points together, so the longest wish counts. */
static struct lifecycle_conf longest_grace(const struct opt_map *entries)
{
	struct lifecycle_conf longest = { 0 };
	for (size_t i = 0; i < entries->n; i++) {
		const struct entry_conf *e = opt_map_at(entries, i);
		const struct lifecycle_conf *l = &e->transport.life_cycle;
		if (l->request_accept_grace_ns > longest.request_accept_grace_ns)
			longest.request_accept_grace_ns = l->request_accept_grace_ns;
		if (l->grace_ns > longest.grace_ns)
			longest.grace_ns = l->grace_ns;
	}
	return longest;
}

/* Undoes whatever start() got to, in reverse. `failed`: a start that failed must not take down what an earlier run left
 * in force. */
static void stop(struct agent *a, bool failed)
{
	const struct lifecycle_conf grace = longest_grace(&a->conf.entry_points);
	stop_providers(a);
	if (a->engine.workers)
		engine_stop(&a->engine, &a->loop, (uint64_t)grace.request_accept_grace_ns, (uint64_t)grace.grace_ns);
	ctl_close(&a->ctl);
	apply_free(&a->apply);
	if (a->kern) {
		loop_del(&a->loop, &a->kern_watch);
		timer_cancel(&a->loop.wheel, &a->kern_tick);
		a->kern->ops->close(a->kern, a->conf.kernel.on_exit == KERNEL_KEEP || (failed && a->kern->adopted));
	}
	if (a->access_log)
		access_log_close(&a->access_log);
	free_metrics(a);
	mailbox_free(&a->box);
	signal_watch_free(&a->signals);
	loop_once(&a->loop, 0);
	loop_free(&a->loop);
	metric_teardown();
	log_info("stopped");
	log_close();
}

static int start_control(struct agent *a)
{
	a->apply = (struct apply){ .loop = &a->loop, .engine = &a->engine, .conf = &a->conf };
	a->apply.internals = admin_internals(&a->apply);
	apply_init(&a->apply);
	int rc = ctl_open(&a->loop, &a->apply, a->conf.control.socket, &a->ctl);
	if (rc == -EADDRINUSE) {
		log_error("another sluice answers at the control socket; stop it, or give this one a control.socket of "
			  "its own",
			  F_STR("path", a->conf.control.socket));
		return rc;
	}
	if (rc < 0)
		log_warn("no control socket; `sluice status` will not work", F_STR("path", a->conf.control.socket),
			 F_STR("error", strerror(-rc)));
	return 0;
}

/* Everything that can be refused is asked before the kernel tier is touched: a start that fails leaves it as it was. */
static int start(struct agent *a, const char *path)
{
	int rc = setup_engine(a);
	if (rc == 0)
		rc = start_control(a);
	if (rc == 0)
		rc = start_providers(a, path);
	if (rc == 0)
		rc = apply_validate(&a->apply);
	if (rc < 0)
		return rc;
	start_kernel(a);
	a->apply.kern = a->kern;
	rc = engine_start(&a->engine);
	if (rc < 0)
		return rc;
	inbox_release(&a->apply.inbox);
	return a->apply.current ? 0 : -EINVAL;
}

static int start_loop(struct agent *a)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	int rc = loop_init(&a->loop);
	if (rc == 0)
		rc = mailbox_init(&a->box, &a->loop);
	if (rc == 0)
		rc = signal_watch_init(&a->signals, &a->loop, signals, ARRAY_LEN(signals), on_signal);
	return rc;
}

int cmd_run(int argc, char **argv)
{
	static struct agent a; /* large, and one per process */
	const char *path = NULL;
	for (int c; (c = getopt(argc, argv, "c:")) != -1;) {
		if (c != 'c')
			return cli_usage_error("run", "unknown option");
		path = optarg;
	}
	if (!path || optind < argc)
		return cli_usage_error("run", "the configuration file is missing");
	arena_init(&a.arena);
	if (load_conf(&a, path) < 0 || open_log(&a.conf.log) < 0)
		return 1;
	log_info("starting", F_STR("version", SLUICE_VERSION), F_STR("configuration", path));
	signal(SIGPIPE, SIG_IGN);
	raise_fd_limit(&a);
	int rc = start_loop(&a);
	if (rc < 0) {
		log_error("cannot start the control loop", F_STR("error", strerror(-rc)));
		return 1;
	}
	rc = start(&a, path);
	if (rc == 0) {
		log_info("ready", F_INT("workers", a.engine.nworkers), F_INT("entry points", a.engine.nentries));
		loop_run(&a.loop);
	}
	stop(&a, rc < 0);
	arena_reset(&a.arena);
	return rc == 0 ? 0 : 1;
}
