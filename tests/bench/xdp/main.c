/* What a packet costs in the XDP tier, in nanoseconds and as multiples of programs that do the least that must be done;
 * frames per second over veth; and how long a change of the Maglev table takes. Root; about three minutes.
 *
 *     ROUNDS=5 PACKETS=200000 BENCH=snat make bench-xdp
 *
 * Runs of all rows are interleaved, on one CPU: what else the machine does falls on all of them alike, and the least
 * of each counts. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "kern/kern.h"
#include "live.h"
#include "measure.h"
#include "net.h"
#include "print.h"
#include "ring.h"

#define SKIPPED 77

static struct world worlds[WORLDS];

static void pin_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Says why not, if not. */
static bool can_run(void)
{
	int r;

	if (kern_probe()[0]) {
		printf("skipped: %s\n", kern_probe());
		return false;
	}
	r = net_open();
	if (r < 0)
		printf("skipped: a network namespace of its own: %s\n", strerror(-r));
	return r == 0;
}

static int open_worlds(const bool needed[WORLDS])
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < WORLDS; i++)
		if (needed[i])
			r = world_open(&worlds[i], i);
	return r;
}

static int open_rig(void)
{
	int r = 0;

	for (unsigned i = 0; i < WORLDS; i++)
		if (worlds[i].kern) {
			r = rig_open(worlds[i].prog);
			break;
		}
	if (r < 0)
		fprintf(stderr, "loading the programs that measure failed: %s\n", strerror(-r));
	return r;
}

/* Floors are always wanted when anything of the table is. Returns whether that is so. */
static bool choose(const struct options *o, struct figure *figures, bool needed[WORLDS])
{
	bool any = false;

	for (size_t i = 0; i < nscenarios; i++) {
		figures[i].wanted = options_want(o, scenarios[i].name);
		any |= figures[i].wanted;
	}
	for (size_t i = 0; any && i < nscenarios; i++) {
		figures[i].wanted |= !scenarios[i].reason;
		needed[scenarios[i].world] |= figures[i].wanted;
	}
	return any;
}

static int bench_packets(const struct options *o, struct figure *figures)
{
	int wrong = measure(o, worlds, figures);

	print_figures(figures);
	return wrong;
}

static int bench_live(const struct options *o)
{
	static struct live_figure figures[LIVE_ROWS];
	int wrong = live_measure(o, &worlds[PLAIN], figures);

	if (wrong >= 0)
		print_live(figures, LIVE_ROWS);
	return wrong != 0;
}

static int bench_ring(void)
{
	static struct ring_figure figure;
	int r = ring_measure(&worlds[RING], &figure);

	if (r < 0)
		fprintf(stderr, "ring change: %s\n", strerror(-r));
	else
		print_ring(&figure);
	return r < 0;
}

int main(void)
{
	_cleanup_free_ struct figure *figures = mem_zalloc(nscenarios * sizeof(*figures));
	bool needed[WORLDS] = { false }, packets, live, ring;
	struct options o;
	int failed = 0;

	if (options_read(&o) < 0)
		return 2;
	if (!can_run())
		return SKIPPED;
	packets = choose(&o, figures, needed);
	needed[PLAIN] |= live = options_want(&o, "live");
	needed[RING] |= ring = options_want(&o, "ring");
	if (!packets && !live && !ring) {
		fprintf(stderr, "BENCH=%s: no row has that in its name\n", o.only);
		return 2;
	}
	if (open_worlds(needed) < 0 || open_rig() < 0)
		return 1;
	pin_cpu();
	if (packets)
		failed += bench_packets(&o, figures);
	if (live)
		failed += bench_live(&o);
	if (ring)
		failed += bench_ring();
	for (int i = 0; i < WORLDS; i++)
		world_close(&worlds[i]);
	rig_close();
	if (failed)
		printf("\nFAILED: some rows did not measure what they say; see above\n");
	return failed != 0;
}
