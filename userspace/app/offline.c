/* As much of the agent as linking needs: a loop that never runs, an engine without workers. */
#include "app/offline.h"
#include <errno.h>
#include <stdlib.h>
#include "admin/internals.h"
#include "app/kernel_conf.h"
#include "base/mem.h"
#include "conf/apply.h"
#include "conf/main_file.h"
#include "conf/prefix_file.h"
#include "conf/static.h"
#include "model/address.h"
#include "proxy/httpset.h"
#include "provider/file.h"

struct offline {
	struct arena arena;
	struct static_conf conf;
	struct loop loop;
	struct engine engine;
	struct apply apply;
	struct main_file main_file;
	void *file;
	struct kern_conf kern_conf;
	struct prefix_lists lists;
	offline_fn *fn; /* one of the two */
	offline_inspect_fn *inspect;
	void *ctx;
	struct err_list *errs;
	int result;
};

static void on_services(void *ctx, const struct kern_service *services, size_t n)
{
	struct offline *o = ctx;

	if (o->inspect)
		o->result = o->inspect(o->ctx, &o->apply, o->errs);
	else
		o->result = o->fn(o->ctx, &o->kern_conf, services, n, o->errs);
}

static void setup_entries(struct offline *o)
{
	const struct opt_map *m = &o->conf.entry_points;
	struct entry *e = arena_zalloc(&o->arena, (m->n + 1) * sizeof(*e));

	o->engine.entries = e;
	o->engine.nentries = m->n;
	for (size_t i = 0; i < m->n; i++) {
		e[i].id = (unsigned)i;
		e[i].name = m->keys[i];
		e[i].conf = opt_map_at(m, i);
		entry_place(&e[i]);
	}
}

static int start_provider(struct offline *o, const char *path)
{
	const struct file_provider_conf *f = o->conf.providers.file;
	const struct provider_sink sink = inbox_sink(&o->apply.inbox);
	struct file_options options = {
		.filename = f ? f->filename : NULL,
		.directory = f ? f->directory : NULL,
		.main_path = path,
		.main_part = main_file_part,
		.main_ctx = &o->main_file,
	};

	main_file_init(&o->main_file, &o->conf);
	o->file = file_new(&options);
	return file_provider.start(o->file, &o->loop, &sink);
}

static int visit(struct offline *o, const char *path)
{
	static const double no_buckets[] = { 1 };
	int r = loop_init(&o->loop);

	if (r < 0)
		return r;
	o->engine.nworkers = 1;
	metric_setup(o->engine.nworkers);
	httpset_setup(no_buckets, ARRAY_LEN(no_buckets));
	setup_entries(o);
	o->apply = (struct apply){ .loop = &o->loop, .engine = &o->engine, .conf = &o->conf };
	o->apply.internals = admin_internals(&o->apply);
	apply_init(&o->apply);
	r = start_provider(o, path);
	if (r == 0 && o->apply.last_errors.errors) {
		err_move(o->errs, &o->apply.last_errors);
		r = -EINVAL;
	}
	if (r == 0)
		r = apply_plan(&o->apply, on_services, o, o->errs);
	file_provider.stop(o->file);
	apply_free(&o->apply);
	loop_once(&o->loop, 0);
	loop_free(&o->loop);
	metric_teardown();
	return r == 0 ? o->result : r;
}

static int offline_run(const char *path, const struct offline *what)
{
	struct offline *o = mem_zalloc(sizeof(*o));
	struct err_list *errs = what->errs;
	struct tree *rest;
	int r;

	*o = *what;
	arena_init(&o->arena);
	r = static_load(path, &o->arena, &o->conf, &rest, errs);
	if (r == 0)
		r = prefix_lists_load(&o->conf.kernel.protection, &o->lists, errs);
	if (r == 0) {
		o->kern_conf = kernel_conf_of(&o->conf.kernel);
		o->kern_conf.guard = kernel_conf_guard(&o->conf.kernel.protection, &o->lists);
		kernel_conf_listeners(&o->conf, &o->kern_conf, &o->arena);
		r = visit(o, path);
	}
	prefix_lists_free(&o->lists);
	arena_reset(&o->arena);
	free(o);
	return r;
}

int offline_visit(const char *path, offline_fn *fn, void *ctx, struct err_list *errs)
{
	return offline_run(path, &(struct offline){ .fn = fn, .ctx = ctx, .errs = errs });
}

int offline_inspect(const char *path, offline_inspect_fn *fn, void *ctx, struct err_list *errs)
{
	return offline_run(path, &(struct offline){ .inspect = fn, .ctx = ctx, .errs = errs });
}
