/* One tracked flow is two entries of one table: under the tuple the client sends and under the tuple the backend sends.
 * Each says what a packet with that tuple leaves as, so each key can be computed from the other entry
 * (lb_flow_mirror_key) and either entry can be rebuilt from its mirror when the table has given it up. */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

#define LB_FLOW_REVERSE 1 /* this entry is hit by the backend's packets */

/* TCP as seen in the direction of the entry. A connection is closed when both saw FIN or either saw RST. */
#define LB_TCP_SYN   1
#define LB_TCP_ACKED 2
#define LB_TCP_FIN   4
#define LB_TCP_RST   8

struct lb_flow {
	struct lb_addr src; /* the packet's new addresses and ports */
	struct lb_addr dst;
	__be16 sport;
	__be16 dport;
	__u16 backend;
	__u16 service;
	__u16 gen; /* must equal the backend record's */
	__u8 flags;
	__u8 tcp;
	__u32 seen;    /* low 32 bits of jiffies; refreshed about once a second */
	__u32 ifindex; /* the way back to the client, learnt from its packet; the same in both entries */
	__u8 dmac[6];
	__u8 smac[6];
};
LB_ASSERT_SIZE(struct lb_flow, 64);

/* The table is an array of buckets: an entry lies in the bucket its key hashes to, in any of the ways. */
#define LB_FLOW_WAYS 8

struct lb_flow_entry {
	struct lb_tuple key;
	struct lb_flow flow;
};
LB_ASSERT_SIZE(struct lb_flow_entry, 104);

struct lb_flow_bucket {
	struct bpf_spin_lock lock; /* writers only */
	__u32 tag[LB_FLOW_WAYS]; /* hash bits beside the entry, so that a search reads one line; 0: the way is empty */
	__u32 pad;
	struct lb_flow_entry entry[LB_FLOW_WAYS];
};
LB_ASSERT_SIZE(struct lb_flow_bucket, 872);
