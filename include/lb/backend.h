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
	/* What a packet on its way needs, one cache line. */
	struct lb_addr addr;
	struct lb_addr snat; /* our source address on the route to it; also that of outer headers */
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex;
	__u32 mtu; /* of the interface, bytes of IP packet */
	__u16 flags;
	__u16 gen;     /* counts the owners of this id; a flow of an earlier owner does not match */
	__u16 service; /* whose backend it is: identity = service + address + port + mode */
	__be16 port;   /* 0: the one the client asked for */
	__u8 mode;     /* LB_MODE_* */
	__u8 source;   /* number of snat and of old_snat: what a flow remembers of them */
	__u8 old_source;
	__u8 sources; /* the source number given last */
	/* And what it does not. */
	struct lb_addr old_snat; /* the one before: flows keep the source they began with */
	struct lb_addr vip;	 /* its service's */
	__u64 retired;		 /* CLOCK_BOOTTIME in ns when its owner gave it up; 0: active. For the agent */
	__u64 pad[3];
};
LB_ASSERT_SIZE(struct lb_backend, 128);

/* A row of a Maglev table: the backend's id, and whether the row had another one that connections may still be with
 * (then `past` of the same number says which). */
#define LB_ROW_NONE  0x7fff
#define LB_ROW_ID    0x7fff
#define LB_ROW_MOVED 0x8000

/* Whose a moved row was when it last belonged to one backend alone. A connection that began after that has an entry in
 * the flow table; one without an entry began before. */
struct lb_past {
	__u16 id;   /* LB_ROW_NONE: nobody's */
	__u16 when; /* it was taken away: low bits of CLOCK_BOOTTIME in seconds */
};
LB_ASSERT_SIZE(struct lb_past, 4);

/* Of a table's value, for each row. */
#define LB_ROW_BYTES (sizeof(__u16) + sizeof(struct lb_past))
