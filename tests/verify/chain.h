/* How much stack a loaded program's deepest chain of calls takes, as kernels before 6.8 count it. */
#pragma once

#define CHAIN_MAX 512 /* MAX_BPF_STACK */

/* verifier_log: text of the load with statistics, which names each sub-program's depth. 0 when it cannot be told (no
 * statistics, or the kernel does not show instructions). */
unsigned chain_depth(int prog_fd, const char *verifier_log);
