/* Deliveries and their throttling. */
#include "conf/delivery.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "conf/merge.h"

static void drop(struct delivery *d)
{
	if (d->arena) {
		arena_reset(d->arena);
		free(d->arena);
	}
	d->arena = NULL;
	d->root = NULL;
	err_free(&d->warnings);
	err_init(&d->warnings);
}

static struct delivery *delivery_of(struct inbox *in, const char *provider)
{
	vec_each (d, &in->v)
		if (strcmp(d->provider, provider) == 0)
			return d;
	struct delivery fresh = { .provider = mem_strdup(provider) };
	err_init(&fresh.warnings);
	vec_push(&in->v, fresh);
	return &in->v.v[in->v.n - 1];
}

static void build(struct inbox *in)
{
	in->next_ms = clock_mono_ns() / NS_PER_MS + in->throttle_ms;
	in->changed(in);
}

static void on_throttle_over(struct timer *t)
{
	build(container_of(t, struct inbox, timer));
}

static void on_emit(void *ctx, const char *provider, struct arena *arena, struct tree *root, struct err_list *errs)
{
	struct inbox *in = ctx;
	if (errs->errors) {
		in->refused(in, provider, errs);
		if (arena) {
			arena_reset(arena);
			free(arena);
		}
		return;
	}
	struct delivery *d = delivery_of(in, provider);
	drop(d);
	d->arena = arena;
	d->root = root;
	err_move(&d->warnings, errs);
	inbox_again(in);
}

void inbox_again(struct inbox *in)
{
	if (in->held)
		return;
	uint64_t now = clock_mono_ns() / NS_PER_MS;
	if (now >= in->next_ms)
		build(in);
	else
		timer_set(&in->loop->wheel, &in->timer, in->next_ms);
}

void inbox_init(struct inbox *in, struct loop *loop, uint64_t throttle_ns)
{
	*in = (struct inbox){ .loop = loop, .throttle_ms = throttle_ns / NS_PER_MS, .held = true };
	timer_init(&in->timer, on_throttle_over);
}

struct provider_sink inbox_sink(struct inbox *in)
{
	return (struct provider_sink){ .emit = on_emit, .ctx = in };
}

void inbox_release(struct inbox *in)
{
	in->held = false;
	build(in);
}

static void repeat_warnings(const struct err_list *from, struct err_list *to)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct err_item *w = &from->v[i];
		err_warn(to, (struct place){ w->file, w->line, w->col }, w->key, "%s", w->text);
	}
}

int inbox_merge(const struct inbox *in, struct arena *a, struct tree **ret, struct err_list *errs)
{
	struct tree *root = tree_new(a, TREE_MAP, (struct place){ 0 });
	int rc = 0;
	for (size_t i = 0; i < in->v.n; i++) {
		repeat_warnings(&in->v.v[i].warnings, errs);
		if (in->v.v[i].root && merge_add(a, root, in->v.v[i].provider, in->v.v[i].root, errs) < 0)
			rc = -EINVAL;
	}
	if (rc == 0)
		*ret = root;
	return rc;
}

void inbox_free(struct inbox *in)
{
	timer_cancel(&in->loop->wheel, &in->timer);
	vec_each (d, &in->v) {
		drop(d);
		free(d->provider);
	}
	vec_free(&in->v);
}
