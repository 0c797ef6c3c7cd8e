/* Where a health check of a virtual address comes from, and whether the answers, which the server sends straight to
 * that address with the virtual one as their source, would be let in by this host's stack. Asks netlink and /proc. */
#pragma once
#include "base/addr.h"
#include "kern/neigh.h"

#define PROBE_TEXT_MAX 192

struct probe_source {
	struct addr from; /* bind to it; of the VIP's family */
	uint32_t ifindex; /* the interface of the route that knows this address: up, and of that family */
};

/* 0; or -errno, with what is in the way in `problem` and what to do in `remedy` (may be ""; problem too: there is no
 * route to the server, which any check finds out). */
int probe_source_find(struct neigh *n, const struct addr *vip, const struct addr *server, struct probe_source *ret,
		      char problem[PROBE_TEXT_MAX], char remedy[PROBE_TEXT_MAX]);
