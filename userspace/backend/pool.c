/* Idle upstream connections. */
#include "backend/pool.h"
#include "base/clock.h"
#include "base/mem.h"

static void drop(struct h1_client *c)
{
	struct target_cell *cell = c->owner;
	cell->nidle--;
	h1_client_free(&c);
}

/* Nothing may happen on an idle connection but its end, and what TLS has to say for itself. */
static void on_idle_event(struct h1_client *c)
{
	struct conn *conn = &c->stream.conn;
	if (conn->hangup || conn->failed || (conn->readable && conn_probe(conn) != 0))
		drop(c);
}

static void on_idle_timeout(struct timer *t)
{
	drop(container_of(t, struct h1_client, timer));
}

/* The idle deadline stays filed while a connection is in use: putting it back then costs one store. */
static void on_busy_timeout(struct timer *t)
{
	(void)t;
}

struct h1_client *pool_take(struct target *t, unsigned worker)
{
	struct target_cell *cell = &t->cells[worker];
	if (list_empty(&cell->idle))
		return NULL;
	struct h1_client *c = container_of(cell->idle.next, struct h1_client, link);
	list_remove(&c->link);
	cell->nidle--;
	c->owner = NULL;
	c->timer.fire = on_busy_timeout;
	c->reused = true;
	return c;
}

void pool_give(struct target *t, unsigned worker, struct h1_client *c, const struct pool_limits *limits)
{
	struct target_cell *cell = &t->cells[worker];
	struct conn *conn = &c->stream.conn;
	if (cell->nidle >= limits->max_idle || conn->hangup || conn->failed || conn->unsent ||
	    (conn->readable && conn_probe(conn) != 0) || atomic_load_explicit(&t->retired, memory_order_relaxed)) {
		h1_client_free(&c);
		return;
	}
	c->owner = cell;
	c->on_event = on_idle_event;
	c->timer.fire = on_idle_timeout;
	if (limits->idle_ns)
		timer_set(&conn->loop->wheel, &c->timer, (conn->loop->now_ns + (uint64_t)limits->idle_ns) / NS_PER_MS);
	else
		timer_cancel(&conn->loop->wheel, &c->timer);
	list_push_front(&cell->idle, &c->link);
	cell->nidle++;
}

void pool_drain(struct target *t, unsigned worker)
{
	list_each_safe (it, &t->cells[worker].idle)
		drop(container_of(it, struct h1_client, link));
}
