/* The CPUs this thread may run on: how many workers make sense, and pinning each to its own. */
#pragma once

unsigned cpu_affinity_count(void); /* CPUs in the calling thread's mask; at least 1 */
/* Pins the calling thread to the n-th CPU (from 0) of its present mask, as inherited from the thread that started it.
 * 0, -EINVAL when there are not that many, or -errno. */
int cpu_pin(unsigned n);
