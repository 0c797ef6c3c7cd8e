/* VIP → service id, and what the pinned maps remember about a service. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

/* Port and protocol 0 stand for the address itself: they say that fragments and broken packets to it are ours to drop.
 */
struct lb_vip_key {
	struct lb_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};
LB_ASSERT_SIZE(struct lb_vip_key, 20);

struct lb_vip {
	__u16 service; /* LB_ID_NONE in address entries */
	__u16 pad;
};
LB_ASSERT_SIZE(struct lb_vip, 4);

/* Ids survive the agent: the record says whose id it is (name and VIP together). Never read by BPF. */
struct lb_service {
	char name[LB_NAME_MAX]; /* "": the id was never used */
	struct lb_vip_key vip;
	__u32 active;  /* 0: retired, the id may be given away, oldest first */
	__u64 retired; /* CLOCK_BOOTTIME in ns, when it was retired */
	__u64 pad[2];
};
LB_ASSERT_SIZE(struct lb_service, 256);
