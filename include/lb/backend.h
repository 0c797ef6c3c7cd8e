/* Backend id → where it is and how to get there. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

#define LB_BACKEND_USED	   1 /* the id belongs to somebody, retired or not */
#define LB_BACKEND_UP	   2 /* may receive new flows */
#define LB_BACKEND_NEXTHOP 4 /* the next-hop fields are valid */

struct lb_backend {
	struct lb_addr addr;
	struct lb_addr snat; /* our source address on the route to it */
	__be16 port;
	__u16 service; /* whose backend it is: identity = service + address + port */
	__u16 gen;     /* counts the owners of this id; a flow of an earlier owner does not match */
	__u16 flags;
	__u32 ifindex;
	__u32 mtu; /* of the interface, bytes of IP packet */
	__u8 dmac[6];
	__u8 smac[6];
	__u32 pad;
	__u64 retired; /* CLOCK_BOOTTIME in ns when its owner gave it up; 0: active. For the agent */
};
LB_ASSERT_SIZE(struct lb_backend, 72);
