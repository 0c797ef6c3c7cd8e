/* The BPF object: opened from its skeleton, sized and tuned from the configuration, loaded beside or onto the pinned
 * maps. */
#pragma once
#include "base/err.h"
#include "kern/kern.h"

struct xdp_bpf;

/* Loads; adopts every pinned map. Refuses pins of another ABI or other sizes, with the remedy. Nothing is attached.
 * 0 or -errno. The caller destroys it with object_close(). */
int object_open(const struct kern_conf *conf, struct xdp_bpf **ret, struct err_list *errs);
void object_close(struct xdp_bpf **o); /* pins stay */
/* A new inner map for Maglev rows (`size` 16-bit ids, copied). A descriptor the caller closes, or -errno. */
/* What the flow hash is keyed with for this secret. */
struct lb_hash_key hash_key_of(const struct kern_conf *conf);
int object_new_table(const void *value, size_t bytes);
