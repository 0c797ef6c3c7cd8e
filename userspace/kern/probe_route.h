/* The detour of health checks through the host's routing: per family one rule that catches their marks, and one table
 * with a route to everywhere that runs our program (a lightweight tunnel, CONFIG_LWTUNNEL_BPF). All of it carries a
 * routing protocol number of our own, so that nobody else's rule or route is ever touched. Netlink; control thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kern/kern.h"
#include "kern/rtnl.h"

#define PROBE_ROUTE_PROTOCOL 83 /* who made it (RTA_PROTOCOL, FRA_PROTOCOL); not in iproute2's rt_protos */

/* Makes or renews both; what is there and right stays as it is. The route needs an interface that is up and knows the
 * family, but packets do not leave by it: the program has them routed once more. 0 or -errno: -EOPNOTSUPP when the
 * kernel has no such tunnels. */
int probe_route_put(struct rtnl *r, const struct kern_probe *p, bool six, uint32_t ifindex, int prog_fd);
/* Removes, of both families, what we or a run before us made for this mark or this table, and nothing else. */
void probe_route_remove(struct rtnl *r, const struct kern_probe *p);
