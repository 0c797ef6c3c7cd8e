/* Seen from outside: a million flows are begun before and after a change, and those have moved whose packets leave for
 * another server. Such flows, begun one after the other on another CPU while the change is made, show when it takes
 * effect. RING has hardly a flow table, so a flow that was begun before is begun anew. */
#include "ring.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "head.h"
#include "measure.h"
#include "net.h"
#include "rig.h"

#define PATIENCE_NS (2 * NS_PER_S)

/* Where every flow goes under two weights of the first server, the others having 1. */
struct change {
	uint32_t weight[2];
	struct sent *sent[2]; /* [SENT_MAX] */
	uint32_t *moved;      /* flows for which they differ */
	uint32_t nmoved;
};

static void change_free(struct change *c)
{
	free(c->sent[0]);
	free(c->sent[1]);
	free(c->moved);
}

static void aim(const struct world *w)
{
	const struct packet p = { .proto = IPPROTO_TCP, .flags = FLAG_SYN, .dst = VIP_IPIP, .dport = VIP_PORT };

	rig_aim(w->prog, LEARN4, &p, SENT_MAX, w->ifindex);
}

static int change_make(struct change *c, const struct world *w, uint32_t from, uint32_t to)
{
	*c = (struct change){ .weight = { from, to }, .moved = mem_alloc(SENT_MAX * sizeof(*c->moved)) };
	aim(w);
	for (int i = 0; i < 2; i++) {
		int r = world_weigh(w, c->weight[i]);

		if (r < 0)
			return r;
		rig_learn();
		c->sent[i] = mem_alloc(SENT_MAX * sizeof(*c->sent[i]));
		memcpy(c->sent[i], rig_sent(), SENT_MAX * sizeof(*c->sent[i]));
	}
	for (uint32_t i = 0; i < SENT_MAX; i++)
		if (c->sent[0][i].to != c->sent[1][i].to)
			c->moved[c->nmoved++] = i;
	return c->nmoved ? 0 : -ENODATA;
}

/* ---- shares ---- */

/* The server's share before and after; what it gains or loses must move. */
static double least(const struct change *c)
{
	double others = NET_SERVERS - 1;
	double before = c->weight[0] / (others + c->weight[0]), after = c->weight[1] / (others + c->weight[1]);

	return before > after ? before - after : after - before;
}

static int measure_move(const struct world *w, uint32_t from, uint32_t to, const char *name, struct ring_move *ret)
{
	struct change c;
	int r = change_make(&c, w, from, to);

	*ret = (struct ring_move){ .name = name, .moved = (double)c.nmoved / SENT_MAX, .least = least(&c) };
	change_free(&c);
	return r;
}

/* ---- times ---- */

static int measure_done(const struct world *w, uint32_t us[RING_CHANGES])
{
	int r = world_weigh(w, 1);

	for (int i = 0; r == 0 && i < RING_CHANGES; i++) {
		uint64_t start = clock_mono_ns();

		r = world_weigh(w, i % 2 ? 1 : 2);
		us[i] = (uint32_t)((clock_mono_ns() - start) / 1000);
	}
	measure_sort(us, RING_CHANGES);
	return r;
}

struct watch {
	const struct change *change;
	int to;		     /* which of its weights comes into force */
	atomic_bool started; /* the change is being made */
	atomic_uint looks;
	uint32_t next;	  /* of the moved flows */
	uint64_t seen_ns; /* 0: never */
};

/* A flow is looked at once in a long while, or the flow table would remember where it was before. */
static bool watch_look(struct watch *w)
{
	const struct change *c = w->change;
	uint32_t flow = c->moved[w->next++ % c->nmoved];
	bool started = atomic_load(&w->started), there = rig_place(flow) == c->sent[w->to][flow].to;

	atomic_fetch_add(&w->looks, 1);
	return there && started;
}

/* On the first CPU; the change is made on the last. */
static void *watch_run(void *arg)
{
	struct watch *w = arg;
	uint64_t end = clock_mono_ns() + PATIENCE_NS;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	while (!w->seen_ns && clock_mono_ns() < end)
		if (watch_look(w))
			w->seen_ns = clock_mono_ns();
	return NULL;
}

static int time_effect(const struct world *world, struct watch *w, uint32_t *ret_us)
{
	pthread_t thread;
	uint64_t start;
	int r = -pthread_create(&thread, NULL, watch_run, w);

	if (r < 0)
		return r;
	while (atomic_load(&w->looks) == 0)
		sched_yield();
	start = clock_mono_ns();
	atomic_store(&w->started, true);
	r = world_weigh(world, w->change->weight[w->to]);
	pthread_join(thread, NULL);
	*ret_us = (uint32_t)((w->seen_ns - start) / 1000);
	return r == 0 && !w->seen_ns ? -ETIMEDOUT : r;
}

static int measure_effect(const struct world *w, uint32_t us[RING_CHANGES])
{
	struct change c;
	uint32_t next = 0;
	int r = change_make(&c, w, 1, 2);

	for (int i = 0; r == 0 && i < RING_CHANGES; i++) {
		struct watch watch = { .change = &c, .to = i % 2, .next = next };

		r = time_effect(w, &watch, &us[i]);
		next = watch.next;
	}
	measure_sort(us, RING_CHANGES);
	change_free(&c);
	return r;
}

int ring_measure(const struct world *w, struct ring_figure *ret)
{
	int r = measure_done(w, ret->done_us);

	if (r == 0)
		r = measure_effect(w, ret->effect_us);
	if (r == 0)
		r = measure_move(w, 1, 2, "a weight doubled", &ret->move[0]);
	if (r == 0)
		r = measure_move(w, 1, 0, "a server drained", &ret->move[1]);
	return r;
}
