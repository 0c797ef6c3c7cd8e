/* Worker threads: start, snapshot switching, draining; and the engine that holds them together. */
#include "proxy/worker.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/epoch.h"
#include "base/mem.h"
#include "backend/pool.h"
#include "io/cpu.h"
#include "proxy/h1_server.h"
#include "proxy/req_pool.h"

#define MAX_FREE_BLOCKS 1024u
#define TICK_MS		1000u

/* ---- snapshots ---- */

static void pin_release(struct snapshot_pin *p)
{
	snapshot_unref(p->snap);
	free(p);
}

struct snapshot_pin *worker_pin(struct worker *w)
{
	w->pin->users++;
	return w->pin;
}

void worker_unpin(struct worker *w, struct snapshot_pin *p)
{
	(void)w;
	if (--p->users == 0 && !p->current)
		pin_release(p);
}

/* Servers that no current configuration names: their idle connections end now, those in use when their request does. */
static void drain_retired(struct worker *w, const struct snapshot *old)
{
	for (size_t i = 0; i < old->nservices; i++)
		for (size_t k = 0; k < old->services[i]->ntargets; k++)
			if (atomic_load_explicit(&old->services[i]->targets[k]->retired, memory_order_relaxed))
				pool_drain(old->services[i]->targets[k], w->id);
}

/* Takes up the published snapshot. Between reading the pointer and taking the reference this thread is inside an epoch
 * read section, so the publisher cannot have dropped the last reference yet. */
static void adopt_snapshot(struct worker *w)
{
	struct snapshot *s = atomic_load_explicit(&w->engine->current, memory_order_acquire);
	if (!s || (w->pin && w->pin->snap == s))
		return;
	struct snapshot_pin *old = w->pin;
	struct snapshot_pin *p = mem_zalloc(sizeof(*p));
	p->snap = snapshot_ref(s);
	p->current = true;
	w->pin = p;
	if (!old)
		return;
	drain_retired(w, old->snap);
	old->current = false;
	if (old->users == 0)
		pin_release(old);
}

static void on_refresh(struct loop_hook *h)
{
	struct worker *w = container_of(h, struct worker, refresh);
	adopt_snapshot(w);
	if (overload_note(&w->overload, w->loop.now_ns, w->loop.delay_ns, w->engine->max_queue_delay_ns))
		entry_gate(w, !w->overload.shedding);
	epoch_quiescent();
}

/* ---- the thread ---- */

static void on_sleep(void *ctx, bool sleeping)
{
	struct worker *w = ctx;
	if (sleeping) {
		epoch_offline();
		return;
	}
	epoch_online();
	adopt_snapshot(w); /* what happened while asleep counts for the events that woke us */
}

static void flush_loggers(struct worker *w)
{
	const struct engine *e = w->engine;
	for (unsigned i = 0; i < e->nloggers; i++)
		if (e->loggers[i].flush)
			e->loggers[i].flush(e->loggers[i].ctx, w->id);
}

static void on_tick(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, tick);
	flush_loggers(w);
	entry_resume(w);
	timer_set(&w->loop.wheel, t, w->loop.now_ns / NS_PER_MS + TICK_MS);
}

static void end_clients(struct worker *w)
{
	list_each_safe (it, &w->clients) {
		struct h1_server *s = container_of(it, struct h1_server, link);
		if (s->req)
			req_shut_down(s->req);
		else
			h1_server_abort(s);
	}
}

static void end_pools(struct worker *w)
{
	const struct snapshot *s = w->pin ? w->pin->snap : NULL;
	for (size_t i = 0; s && i < s->nservices; i++)
		for (size_t k = 0; k < s->services[i]->ntargets; k++)
			pool_drain(s->services[i]->targets[k], w->id);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	epoch_register();
	(void)cpu_pin(w->id);
	adopt_snapshot(w);
	loop_run(&w->loop);
	flush_loggers(w);
	end_pools(w);
	loop_once(&w->loop, 0); /* deferred releases */
	epoch_unregister();
	return NULL;
}

static int worker_init(struct worker *w, struct engine *e, unsigned id)
{
	w->id = id;
	w->engine = e;
	list_init(&w->clients);
	list_init(&w->handshakes);
	list_init(&w->listeners);
	list_init(&w->free_reqs);
	list_init(&w->waiting);
	int rc = loop_init(&w->loop);
	if (rc == 0)
		rc = mailbox_init(&w->box, &w->loop);
	if (rc < 0)
		return rc;
	block_pool_init(&w->blocks, MAX_FREE_BLOCKS);
	w->loop.on_sleep = on_sleep;
	w->loop.on_sleep_ctx = w;
	w->refresh.run = on_refresh;
	list_push_back(&w->loop.before_wait, &w->refresh.link);
	timer_init(&w->tick, on_tick);
	timer_set(&w->loop.wheel, &w->tick, clock_mono_ns() / NS_PER_MS + TICK_MS);
	return 0;
}

static void worker_free(struct worker *w)
{
	mailbox_free(&w->box);
	req_pool_free(w);
	if (w->pin) {
		struct snapshot_pin *p = take_ptr(w->pin);
		pin_release(p);
	}
	timer_cancel(&w->loop.wheel, &w->tick);
	block_pool_free(&w->blocks);
	loop_free(&w->loop);
}

/* ---- the engine (control thread) ---- */

int engine_start(struct engine *e)
{
	e->workers = aligned_alloc(64, (e->nworkers * sizeof(*e->workers) + 63) & ~(size_t)63);
	if (!e->workers)
		return -ENOMEM;
	memset(e->workers, 0, e->nworkers * sizeof(*e->workers));
	for (unsigned i = 0; i < e->nworkers; i++) {
		int rc = worker_init(&e->workers[i], e, i);
		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < e->nworkers; i++) {
		int rc = pthread_create(&e->workers[i].thread, NULL, worker_main, &e->workers[i]);
		if (rc)
			return -rc;
	}
	return 0;
}

struct order {
	struct message msg;
	struct worker *worker;
	struct entry *entry;
	int fd;
	void (*run)(struct order *o);
};

static void order_deliver(struct message *m)
{
	struct order *o = container_of(m, struct order, msg);
	o->run(o);
	free(o);
}

static void order_post(struct engine *e, unsigned worker, void (*run)(struct order *o), struct entry *entry, int fd)
{
	struct order *o = mem_zalloc(sizeof(*o));
	o->msg.deliver = order_deliver;
	o->worker = &e->workers[worker];
	o->entry = entry;
	o->fd = fd;
	o->run = run;
	mailbox_post(&o->worker->box, &o->msg);
}

static void run_nothing(struct order *o)
{
	(void)o;
}

static void run_listen(struct order *o)
{
	entry_listen(o->worker, o->entry, o->fd);
}

static void run_unlisten(struct order *o)
{
	entry_unlisten(o->worker, o->entry);
}

void engine_publish(struct engine *e, struct snapshot *s)
{
	struct snapshot *old = epoch_publish(&e->current, s);
	for (unsigned i = 0; i < e->nworkers; i++)
		order_post(e, i, run_nothing, NULL, -1); /* idle workers let go of the old one now */
	epoch_wait();
	snapshot_unref(old);
}

int engine_stage(struct engine *e, struct entry *en)
{
	_cleanup_free_ int *fds = mem_alloc(e->nworkers * sizeof(*fds));
	int rc = entry_open(en, e->nworkers, fds);
	if (rc == 0)
		en->staged = take_ptr(fds);
	return rc;
}

void engine_unstage(struct engine *e, struct entry *en)
{
	for (unsigned i = 0; en->staged && i < e->nworkers; i++)
		close(en->staged[i]);
	free(en->staged);
	en->staged = NULL;
}

void engine_listen(struct engine *e, struct entry *en)
{
	for (unsigned i = 0; i < e->nworkers; i++)
		order_post(e, i, run_listen, en, en->staged[i]);
	free(en->staged);
	en->staged = NULL;
	en->listening = true;
}

void engine_unlisten(struct engine *e, struct entry *en)
{
	for (unsigned i = 0; i < e->nworkers; i++)
		order_post(e, i, run_unlisten, en, -1);
	en->listening = false;
}

/* ---- stopping ---- */

struct stopping {
	struct timer accept_grace, grace;
	struct engine *engine;
	struct loop *control;
	unsigned drained;
	bool over;
	uint64_t grace_ns;
};

struct drained_message {
	struct message msg;
	struct engine *engine;
};

static void on_drained_message(struct message *m)
{
	struct drained_message *d = container_of(m, struct drained_message, msg);
	if (d->engine->stopping)
		d->engine->stopping->drained++;
	free(d);
}

static void on_drained(struct worker *w)
{
	struct drained_message *d = mem_zalloc(sizeof(*d));
	w->drained = NULL;
	d->msg.deliver = on_drained_message;
	d->engine = w->engine;
	mailbox_post(w->engine->control, &d->msg);
}

static void run_drain(struct order *o)
{
	struct worker *w = o->worker;
	w->draining = true;
	entry_unlisten(w, NULL);
	w->drained = on_drained;
	list_each_safe (it, &w->clients)
		h1_server_drain(container_of(it, struct h1_server, link));
	if (w->nclients == 0 && w->drained)
		w->drained(w);
}

static void run_stop(struct order *o)
{
	end_clients(o->worker);
	loop_stop(&o->worker->loop);
}

static void on_grace_over(struct timer *t)
{
	container_of(t, struct stopping, grace)->over = true;
}

static void on_accept_grace_over(struct timer *t)
{
	struct stopping *s = container_of(t, struct stopping, accept_grace);
	for (unsigned i = 0; i < s->engine->nworkers; i++)
		order_post(s->engine, i, run_drain, NULL, -1);
	timer_set(&s->control->wheel, &s->grace, (clock_mono_ns() + s->grace_ns) / NS_PER_MS + 1);
}

void engine_stop(struct engine *e, struct loop *control, uint64_t accept_grace_ns, uint64_t grace_ns)
{
	struct stopping stopping = { .engine = e, .control = control, .grace_ns = grace_ns };
	e->stopping = &stopping;
	timer_init(&stopping.accept_grace, on_accept_grace_over);
	timer_init(&stopping.grace, on_grace_over);
	atomic_store(&e->draining, true);
	if (accept_grace_ns)
		timer_set(&control->wheel, &stopping.accept_grace, (clock_mono_ns() + accept_grace_ns) / NS_PER_MS + 1);
	else
		on_accept_grace_over(&stopping.accept_grace);
	while (stopping.drained < e->nworkers && !stopping.over)
		loop_once(control, 1000);
	timer_cancel(&control->wheel, &stopping.grace);
	e->stopping = NULL;
	for (unsigned i = 0; i < e->nworkers; i++)
		order_post(e, i, run_stop, NULL, -1);
	for (unsigned i = 0; i < e->nworkers; i++)
		pthread_join(e->workers[i].thread, NULL);
	for (unsigned i = 0; i < e->nworkers; i++)
		worker_free(&e->workers[i]);
	snapshot_unref(atomic_exchange(&e->current, NULL));
	free(e->workers);
	e->workers = NULL;
}
