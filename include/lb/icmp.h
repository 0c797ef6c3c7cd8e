/* What a CPU may still spend on ICMP messages of its own. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

#define LB_ICMP_PER_SECOND 100 /* for each CPU, and as many in one burst */

struct lb_icmp_budget {
	__u32 then;   /* low bits of jiffies when credit was last added */
	__u32 credit; /* LB_ICMP_PER_SECOND for each jiffy; a message costs a second's jiffies */
};
LB_ASSERT_SIZE(struct lb_icmp_budget, 8);
