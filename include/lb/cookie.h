/* SYN cookies: what they are sent for, and when. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

/* Key of the map `listeners`: where this host itself accepts connections. */
struct lb_listener {
	struct lb_addr addr; /* one of this host's, never "any" */
	__be16 port;
	__u16 pad;
};
LB_ASSERT_SIZE(struct lb_listener, 20);

#define LB_LISTENERS 4096 /* at most */

/* The SYNs to listeners that a CPU saw within the second. */
struct lb_syns {
	__u32 began; /* low bits of jiffies when the second began */
	__u32 seen;
};
LB_ASSERT_SIZE(struct lb_syns, 8);
