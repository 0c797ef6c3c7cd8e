/* Slots. A slot that becomes free goes to the same worker's first waiter; with none there, it is counted free and the
 * workers that have waiters are told. Between "full" and "waiting" a slot may become free unseen: who queues looks once
 * more after being counted as waiting, and who frees looks for waiters after freeing (Dekker's argument, sequentially
 * consistent on both counts). Nothing here is touched for servers without a limit. */
#include "proxy/slots.h"
#include <stdlib.h>
#include "base/mem.h"
#include "io/mailbox.h"

static const struct service_limits *limits(const struct req *r)
{
	return &r->route->service->limits;
}

static struct target_cell *cell(const struct req *r)
{
	return &r->target->cells[r->worker->id];
}

static bool enter(struct req *r)
{
	unsigned max = limits(r)->max_connections, busy = atomic_load(&r->target->busy);
	while (busy < max)
		if (atomic_compare_exchange_weak(&r->target->busy, &busy, busy + 1)) {
			r->slot = true;
			return true;
		}
	return false;
}

static void wait_in_line(struct req *r)
{
	r->queued = true;
	r->queued_ns = r->worker->loop.now_ns;
	r->arm = true;
	list_push_back(&r->worker->waiting, &r->waiting);
	atomic_fetch_add(&cell(r)->nwaiting, 1);
	atomic_fetch_add(&r->target->waiting, 1);
}

void slots_forget(struct req *r)
{
	if (!r->queued)
		return;
	r->queued = false;
	list_remove(&r->waiting);
	atomic_fetch_sub(&cell(r)->nwaiting, 1);
	atomic_fetch_sub(&r->target->waiting, 1);
}

enum step_result step_queue(struct req *r)
{
	if (!limits(r)->max_connections)
		return step_to(r, REQ_DIAL);
	if (!r->queued) {
		/* Nobody overtakes those who wait already. */
		if (atomic_load(&cell(r)->nwaiting) == 0 && enter(r))
			return step_to(r, REQ_DIAL);
		if (atomic_load(&cell(r)->nwaiting) >= limits(r)->max_queue)
			return step_fail(r, REASON_QUEUE_FULL);
		wait_in_line(r);
	}
	if (req_client_left(r))
		return step_fail(r, REASON_CLIENT_GONE);
	if (!r->slot && !enter(r))
		return STEP_WAIT;
	slots_forget(r);
	return step_to(r, REQ_DIAL);
}

/* ---- leaving ---- */

static void on_turn(struct deferred *d)
{
	req_run(container_of(d, struct req, turn));
}

static struct req *first_in_line(const struct req *r)
{
	for (struct list *it = r->worker->waiting.next; it != &r->worker->waiting; it = it->next) {
		struct req *next = container_of(it, struct req, waiting);
		if (next->target == r->target && !next->slot)
			return next;
	}
	return NULL;
}

struct wake {
	struct message msg;
	struct worker *worker;
};

/* On the other worker: whoever waits tries again, in order; those of other servers fail to enter and go on waiting. */
static void deliver_wake(struct message *m)
{
	struct wake *wake = container_of(m, struct wake, msg);
	list_each_safe (it, &wake->worker->waiting) {
		struct req *r = container_of(it, struct req, waiting);
		if (!r->slot && enter(r))
			loop_defer(&r->worker->loop, &r->turn, on_turn);
	}
	free(wake);
}

static void tell_others(const struct req *r)
{
	struct engine *e = r->worker->engine;
	for (unsigned i = 0; i < r->target->ncells && i < e->nworkers; i++) {
		if (i == r->worker->id || atomic_load(&r->target->cells[i].nwaiting) == 0)
			continue;
		struct wake *wake = mem_zalloc(sizeof(*wake));
		wake->msg.deliver = deliver_wake;
		wake->worker = &e->workers[i];
		mailbox_post(&e->workers[i].box, &wake->msg);
	}
}

void slots_leave(struct req *r)
{
	slots_forget(r);
	list_remove(&r->turn.link);
	if (!r->slot)
		return;
	r->slot = false;
	struct req *next = first_in_line(r);
	if (next) {
		next->slot = true;
		loop_defer(&next->worker->loop, &next->turn, on_turn);
		return;
	}
	atomic_fetch_sub(&r->target->busy, 1);
	if (atomic_load(&r->target->waiting))
		tell_others(r);
}
