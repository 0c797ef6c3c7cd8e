/* A row is prepared anew in every round, since others have used the caches and tables in between, and nothing is taken
 * on trust: the program's own counters must say that all packets, of the preparation and of the measurement, ended the
 * way the row is about. */
#include "measure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 4096	  /* packets at least */
#define FILL	(1 << 20) /* new flows that leave no place in the tables of FULL */

static bool is_floor(const struct scenario *s)
{
	return !s->reason;
}

static int program(const struct scenario *s, const struct world *w)
{
	return is_floor(s) ? rig_floor(s->floor) : w->prog;
}

/* ---- the right path ---- */

static void explain(const struct scenario *s, const struct tally *before, const struct tally *after, uint32_t packets,
		    const struct outcome *o)
{
	fprintf(stderr,
		"WRONG: %s: expected %u packets counted as \"%s\", verdict %u, %d bytes longer; the last one had "
		"verdict "
		"%u and %d bytes more; counted were",
		s->name, packets, s->reason, s->verdict, s->grown, o->verdict, o->grown);
	for (size_t i = 0; i < after->n; i++) {
		uint64_t n = after->row[i].n - tally_of(before, after->row[i].reason);

		if (n)
			fprintf(stderr, " %s %llu", after->row[i].reason, (unsigned long long)n);
	}
	fputc('\n', stderr);
}

/* Runs so many packets; false when they did not do what the row says. */
static bool run_checked(const struct scenario *s, const struct world *w, uint32_t packets, struct outcome *ret)
{
	struct tally before, after;
	bool good;

	world_tally(w, &before);
	*ret = rig_run(packets);
	world_tally(w, &after);
	good = ret->verdict == s->verdict && ret->grown == s->grown;
	if (!is_floor(s))
		good = good && tally_of(&after, s->reason) - tally_of(&before, s->reason) == packets;
	if (!good)
		explain(s, &before, &after, packets, ret);
	return good;
}

/* ---- preparation ---- */

/* A handshake of every flow, as far as the balancer sees it. */
static void establish(const struct scenario *s)
{
	if (s->packet.proto != IPPROTO_TCP || is_floor(s))
		return;
	rig_flags(FLAG_SYN);
	rig_run(s->flows);
	rig_flags(s->packet.flags);
}

/* Replies need flows to reply to, and the addresses and ports these were given. */
static void establish_replies(const struct scenario *s, const struct world *w)
{
	const struct packet forward = { .proto = IPPROTO_TCP, .flags = FLAG_SYN, .dst = VIP_SNAT, .dport = VIP_PORT };

	rig_aim(w->prog, LEARN4, &forward, s->flows, w->ifindex);
	rig_learn();
	rig_flags(FLAG_ACK);
	rig_learn();
}

static void aim(const struct scenario *s, const struct world *w)
{
	struct packet p = s->packet;
	char source[ADDR_TEXT_MAX];

	if (s->driver == REPLY4) {
		establish_replies(s, w);
		world_source(w, source);
		p.dst = source;
	}
	rig_aim(program(s, w), s->driver, &p, s->flows, w->ifindex);
	if (s->driver != REPLY4 && s->flows != FLOWS_NEW)
		establish(s);
}

/* Floods the service whose flows are all remembered. */
static void fill(const struct world *w)
{
	const struct packet p = { .proto = IPPROTO_TCP, .flags = FLAG_SYN, .dst = VIP_TRACK, .dport = VIP_PORT };

	rig_aim(w->prog, DRIVE4, &p, FLOWS_NEW, w->ifindex);
	rig_run(FILL);
}

static bool prepare(const struct scenario *s, const struct world *w, bool first)
{
	struct outcome o;
	uint32_t n = s->flows == FLOWS_NEW || s->flows < WARM_UP ? WARM_UP : s->flows;

	if (first && s->world == FULL)
		fill(w);
	aim(s, w);
	return run_checked(s, w, n, &o);
}

/* ---- all of them ---- */

static void measure_row(const struct options *o, const struct scenario *s, const struct world *w, struct figure *f)
{
	struct outcome out;

	f->wrong = !prepare(s, w, f->n == 0) || !run_checked(s, w, o->packets, &out);
	if (!f->wrong)
		f->ns[f->n++] = out.ns;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void measure_sort(uint32_t *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
}

static void refresh_all(const struct world worlds[WORLDS])
{
	for (int i = 0; i < WORLDS; i++)
		if (worlds[i].kern)
			world_refresh(&worlds[i]);
}

int measure(const struct options *o, const struct world worlds[WORLDS], struct figure *figures)
{
	int wrong = 0;

	for (unsigned round = 0; round < o->rounds; round++) {
		refresh_all(worlds);
		for (size_t i = 0; i < nscenarios; i++)
			if (figures[i].wanted && !figures[i].wrong)
				measure_row(o, &scenarios[i], &worlds[scenarios[i].world], &figures[i]);
	}
	for (size_t i = 0; i < nscenarios; i++) {
		measure_sort(figures[i].ns, figures[i].n);
		wrong += figures[i].wrong;
	}
	return wrong;
}
