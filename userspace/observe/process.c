/* /proc/self, read when somebody asks. */
#include "observe/process.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* the directory's own */
}

static void read_memory(struct process *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, resident;

	if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
		return;
	ret->virtual_bytes = size * (uint64_t)sysconf(_SC_PAGESIZE);
	ret->resident_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Seconds since 1970 at which the machine started. */
static double boot_time(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
	char line[256];
	long long at;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "btime %lld", &at) == 1)
			return (double)at;
	return 0;
}

/* Field 22 of /proc/self/stat, in clock ticks after boot; the name in field 2 may hold anything, so count from its last
 * bracket. */
static double start_time(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/stat", "re");
	char line[1024], *at;
	unsigned long long ticks;

	if (!f || !fgets(line, sizeof(line), f) || !(at = strrchr(line, ')')))
		return 0;
	for (int field = 2; field < 22 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1)
		return 0;
	return boot_time() + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void process_read(struct process *ret)
{
	struct timespec cpu = { 0 };

	*ret = (struct process){ .open_fds = count_fds(), .start_seconds = start_time() };
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	ret->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	read_memory(ret);
}
