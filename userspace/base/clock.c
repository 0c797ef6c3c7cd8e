/* The two clocks, and the frozen pair tests move. Freezing is visible to all threads. */
#include "base/clock.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool frozen;
static _Atomic uint64_t frozen_mono, frozen_wall;

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static bool is_frozen(void)
{
	return atomic_load_explicit(&frozen, memory_order_relaxed);
}

uint64_t clock_mono_ns(void)
{
	return is_frozen() ? atomic_load(&frozen_mono) : read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
	return is_frozen() ? atomic_load(&frozen_wall) : read_clock(CLOCK_REALTIME);
}

void clock_freeze(uint64_t mono_ns, uint64_t wall_ns)
{
	atomic_store(&frozen_mono, mono_ns);
	atomic_store(&frozen_wall, wall_ns);
	atomic_store(&frozen, true);
}

void clock_advance(uint64_t ns)
{
	atomic_fetch_add(&frozen_mono, ns);
	atomic_fetch_add(&frozen_wall, ns);
}

void clock_thaw(void)
{
	atomic_store(&frozen, false);
}
