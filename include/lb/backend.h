/* Backend id → where it is and how to get there. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

#define LB_BACKEND_USED	   1 /* the id belongs to somebody, retired or not */
#define LB_BACKEND_UP	   2 /* may receive new flows */
#define LB_BACKEND_NEXTHOP 4 /* the next-hop fields are valid */

/* How packets get to the backend; part of its identity, so flows keep the mode they began with. */
#define LB_MODE_SNAT 0 /* both addresses rewritten */
#define LB_MODE_DNAT 1 /* destination rewritten; answers come back through us by the backend's routes */
#define LB_MODE_DSR  2 /* only the MACs change */
#define LB_MODE_IPIP 3 /* inside another IPv4 header (RFC 2003) */
#define LB_MODE_GUE \
	4 /* inside IPv4 and UDP, GUE variant 1 (draft-ietf-intarea-gue-09 §4): the IP header follows at once */

/* From here on the packet arrives as the client sent it, and answers do not come back through us. */
#define LB_MODE_DIRECT(mode) ((mode) >= LB_MODE_DSR)

#define LB_GUE_PORT 6080 /* where decapsulators listen (IANA) */

struct lb_backend {
	struct lb_addr addr;
	struct lb_addr snat;	 /* our source address on the route to it; also that of outer headers */
	struct lb_addr old_snat; /* the one before: flows keep the source they began with */
	struct lb_addr vip;	 /* its service's */
	__be16 vport;
	__be16 port;
	__u16 service; /* whose backend it is: identity = service + address + port + mode */
	__u16 gen;     /* counts the owners of this id; a flow of an earlier owner does not match */
	__u16 flags;
	__u8 source; /* number of snat and of old_snat: what a flow remembers of them */
	__u8 old_source;
	__u32 ifindex;
	__u32 mtu; /* of the interface, bytes of IP packet */
	__u8 dmac[6];
	__u8 smac[6];
	__u8 mode;    /* LB_MODE_* */
	__u8 sources; /* the source number given last */
	__u8 pad[6];
	__u64 retired; /* CLOCK_BOOTTIME in ns when its owner gave it up; 0: active. For the agent */
};
LB_ASSERT_SIZE(struct lb_backend, 112);
