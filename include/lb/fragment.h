/* What is remembered of a fragmented packet between its first fragment, which has ports, and the others: where it goes.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"
#include "lb/flow.h"

#define LB_FRAGMENT_SECONDS \
	30 /* a receiver waits about that long for the rest (RFC 1122 §3.3.2: 60 to 120 s at most) */
#define LB_FRAGMENT_BUCKETS 1024 /* a power of two */
#define LB_FRAGMENT_WAYS    4

/* key: source, destination, protocol, and in the place of the ports the identification. flow: the entry of the flow
 * that the first fragment belongs to, or as much of one as the others need; backend LB_ID_NONE: the stack's. */
struct lb_fragment {
	struct lb_tuple key;
	struct lb_flow flow;
	__u32 fresh; /* the first fragment began the flow */
	__u32 pad;
};
LB_ASSERT_SIZE(struct lb_fragment, 112);

struct lb_fragment_bucket {
	struct bpf_spin_lock lock; /* writers only */
	__u32 pad;
	struct lb_fragment way[LB_FRAGMENT_WAYS];
};
LB_ASSERT_SIZE(struct lb_fragment_bucket, 8 + LB_FRAGMENT_WAYS * 112);
