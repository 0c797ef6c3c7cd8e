/* Who may send to VIPs, and how much: the trie of source prefixes and the table of token buckets, one per source. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

/* Key of the trie in `guard_prefixes`; addresses as everywhere, so that an IPv4 prefix /n has n + 96 bits. */
struct lb_prefix {
	__u32 bits;
	struct lb_addr addr;
};
LB_ASSERT_SIZE(struct lb_prefix, 20);

/* Its values: the last word about the prefix, in which shorter ones are considered already. No entry means PASS. */
#define LB_SOURCE_PASS	      0
#define LB_SOURCE_DENIED      1
#define LB_SOURCE_NOT_ALLOWED 2 /* there is an allow list and this is not on it */

/* Times of the buckets: jiffies in units of 2^-24, so that a packet's share of a second keeps four digits at millions
 * of packets per second. */
#define LB_TIME_SHIFT 24

/* A token bucket is the time at which it will be full again ("virtual scheduling", ITU-T I.371 annex A, also known as
 * GCRA): taking a token moves it on by 1 / rate, and it is empty when it lies burst / rate ahead. A time that has
 * passed is a full bucket, so an entry in that state may be given to another source without anybody noticing. */
struct lb_source {
	__u64 packets;
	__u64 connections;
};
LB_ASSERT_SIZE(struct lb_source, 16);

#define LB_SOURCE_WAYS 6

/* Two cache lines; a source may lie in any of the ways of the bucket it hashes to. */
struct lb_source_bucket {
	__u32 tag[LB_SOURCE_WAYS]; /* further hash bits; 0: nobody's yet */
	__u64 pad;
	struct lb_source way[LB_SOURCE_WAYS];
};
LB_ASSERT_SIZE(struct lb_source_bucket, 128);
