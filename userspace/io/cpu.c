/* CPU affinity with masks of any size: the fixed cpu_set_t ends at 1024 CPUs. */
#include "io/cpu.h"
#include <errno.h>
#include <sched.h>
#include <stddef.h>

#define CPUS_MAX (64 * 1024)

/* The calling thread's mask; the caller frees it with CPU_FREE. NULL with errno set. */
static cpu_set_t *read_mask(size_t *ret_cpus)
{
	for (size_t cpus = 1024; cpus <= CPUS_MAX; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(cpus);

		if (!set)
			return NULL;
		if (sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), set) == 0) {
			*ret_cpus = cpus;
			return set;
		}
		CPU_FREE(set);
		if (errno != EINVAL)
			return NULL;
	}
	return NULL;
}

unsigned cpu_affinity_count(void)
{
	size_t cpus;
	cpu_set_t *set = read_mask(&cpus);
	int n = set ? CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), set) : 1;

	CPU_FREE(set);
	return n > 0 ? (unsigned)n : 1;
}

int cpu_pin(unsigned n)
{
	size_t cpus, at;
	cpu_set_t *set = read_mask(&cpus);
	int r = 0;

	if (!set)
		return -errno;
	for (at = 0; at < cpus; at++)
		if (CPU_ISSET_S(at, CPU_ALLOC_SIZE(cpus), set) && n-- == 0)
			break;
	if (at == cpus) {
		r = -EINVAL;
	} else {
		CPU_ZERO_S(CPU_ALLOC_SIZE(cpus), set);
		CPU_SET_S(at, CPU_ALLOC_SIZE(cpus), set);
		if (sched_setaffinity(0, CPU_ALLOC_SIZE(cpus), set) < 0)
			r = -errno;
	}
	CPU_FREE(set);
	return r;
}
