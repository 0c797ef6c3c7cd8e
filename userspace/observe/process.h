/* What the operating system says about this process. */
#pragma once
#include <stdint.h>

struct process {
	double cpu_seconds;   /* user and system */
	double start_seconds; /* since 1970 */
	uint64_t resident_bytes, virtual_bytes;
	unsigned open_fds;
};

/* Reads /proc; what cannot be read stays 0. Control thread: takes some tens of microseconds. */
void process_read(struct process *ret);
