/* The end of what an agent, or `sluice bpf load`, left in force. */
#pragma once
#include "base/err.h"

/* Takes the program off all interfaces and removes every pin of the directory, and itself. Refuses, with the reason in
 * errs: -ENOENT nothing is pinned there, -EINVAL what is there is not ours, -EBUSY an agent is at work. 0 or -errno.
 * Interfaces are free a moment after the return: the kernel detaches in the background. */
int unload_all(const char *pin_path, struct err_list *errs);
