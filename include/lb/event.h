/* Sampled packets on their way to somebody who watches: the switch, and the record in the ring. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

#define LB_EVENT_BYTES 256	 /* of a packet that are kept, from its first */
#define LB_EVENT_RING  (1 << 20) /* bytes of the ring `events`; a power of two */

/* The one entry of the map `capture`. It is a lease: who watches renews `until`, so that a watcher that was killed
 * costs nothing for long. */
struct lb_capture {
	__u64 reasons; /* bit n: packets that end with reason n; 0: off */
	__u64 until;   /* CLOCK_MONOTONIC in ns */
	__u64 seen;    /* packets that ended with one of the reasons */
	__u64 lost;    /* records there was no room for in the ring */
	__u32 sample;  /* one in so many of `seen` is recorded; at least 1 */
	__u32 pad;
};
LB_ASSERT_SIZE(struct lb_capture, 40);

/* The frame is as the program leaves it: rewritten already when it was forwarded. */
struct lb_event {
	__u64 ns; /* CLOCK_MONOTONIC */
	__u32 ifindex;
	__u32 len; /* of the whole frame */
	__u16 reason;
	__u16 captured;
	__u32 pad;
	__u8 data[LB_EVENT_BYTES];
};
LB_ASSERT_SIZE(struct lb_event, 24 + LB_EVENT_BYTES);
