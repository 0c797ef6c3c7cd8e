/* How to reach an address: route, source address and neighbour, asked of the kernel by netlink (libmnl). No cache: the
 * kernel has one. Control thread only; a request is answered by the kernel at once, never by the network. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

struct neigh;

struct neigh_hop {
	uint32_t ifindex, mtu;
	uint8_t dmac[6], smac[6];
	struct addr src; /* preferred source address of the route */
	bool gateway;	 /* the MAC is a router's, not the host's */
};

/* What the kernel would do with a packet to an address. */
struct neigh_route {
	uint32_t ifindex, table;
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, ... */
	bool has_gateway, has_src;
	struct addr gateway, src; /* src: the preferred source address */
};

/* 0 or -errno. */
int neigh_open(struct neigh **ret);
void neigh_close(struct neigh **n);
/* Readable when routes, links, addresses or neighbours changed. */
int neigh_fd(const struct neigh *n);
/* Reads the news. True: something changed (or news were lost), so hops should be looked up again. */
bool neigh_drain(struct neigh *n);
/* The next hop to an address of either family. 0; -EAGAIN: the neighbour is being resolved, ask again (an entry that is
 * still good but not confirmed lately is used and confirmed at the same time); -EADDRINUSE: the address is this host's
 * own; -ENETUNREACH or another -errno: no usable route. */
int neigh_lookup(struct neigh *n, const struct addr *to, struct neigh_hop *ret);
/* The route to an address of either family for packets with this mark. 0; -ENETUNREACH or another -errno: none. */
int neigh_route(struct neigh *n, const struct addr *to, uint32_t mark, struct neigh_route *ret);
