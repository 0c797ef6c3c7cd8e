/* The guard's side of the kernel tier: knobs and sizes before the program is loaded, the trie of source prefixes before
 * it is attached and whenever the sets change. */
#pragma once
#include "kern/live.h"

/* Sets knobs and sizes of an object that is not loaded yet. hz: jiffies in a second. 0 or -errno. */
int guard_configure(struct xdp_bpf *o, const struct kern_guard *g, unsigned hz);
/* Builds a new trie beside the one in force and puts it in its place in one step. On failure the old one stays; 0 or
 * -errno with errors added. */
int sync_guard(struct live *l, const struct kern_guard *g, struct err_list *errs);
/* Prefixes in force and packets that were let through for want of room, as rows of kern_ops.counts. */
void guard_visit(struct live *l, void (*fn)(void *ctx, const struct kern_count *c), void *ctx);
