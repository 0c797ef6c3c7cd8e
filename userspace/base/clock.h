/* Time. Tests own it: clock_freeze() replaces both clocks by a value they move. */
#pragma once
#include <stdint.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC */
uint64_t clock_wall_ns(void); /* CLOCK_REALTIME, ns since 1970 */
void clock_freeze(uint64_t mono_ns, uint64_t wall_ns);
void clock_advance(uint64_t ns);
void clock_thaw(void);
