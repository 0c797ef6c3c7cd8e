/* Health checks on the way that traffic takes: bpf/probe.bpf.c behind a rule and a route (kern/probe_route.h), which
 * are made when a check first asks and looked after whenever one does. */
#pragma once
#include "kern/live.h"

struct probe_path;

/* kern_ops.probe_path. */
int probe_path_find(struct live *l, const struct kern_service *s, const struct endpoint *backend,
		    struct kern_probe_path *ret);
/* After a sync: without a service that is checked this way, what was made goes. */
void probe_path_keep_if_used(struct live *l, const struct kern_service *services, size_t n);
void probe_path_close(struct live *l);
/* Takes out of the host's routing what is pinned under this path as having been made: by this run, or one that was
 * killed. */
void probe_path_take_out(const char *pin_path);
