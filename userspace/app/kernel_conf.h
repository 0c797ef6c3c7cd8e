/* The section kernel: of the configuration as the kernel tier wants it. */
#pragma once
#include "conf/prefix_file.h"
#include "kern/kern.h"
#include "model/conf_static.h"

/* All but the guard and the listeners. Points into c. */
struct kern_conf kernel_conf_of(const struct kernel_conf *c);
/* Borrows the lists. */
struct kern_guard kernel_conf_guard(const struct protection_conf *c, const struct prefix_lists *lists);
/* The entry points that the agent would listen at itself: those of services of the kernel tier are among them, where it
 * finds VIPs. */
void kernel_conf_listeners(const struct static_conf *c, struct kern_conf *kc, struct arena *arena);
