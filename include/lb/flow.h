/* One tracked flow is two entries of one table: under the tuple the client sends and under the tuple the backend sends.
 * Both say the same: what of the flow is not its backend's (client, source port, way back). Keys and rewrites follow
 * from that and the backend's record, so an entry is one cache line, can be told from a stranger's with the same hash,
 * and can be rebuilt from its mirror when the table has given it up. */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"

/* In proto: the entry says where a client's flows go, all of them; its port is 0. */
#define LB_FLOW_CLIENT 0x80

#define LB_FLOW_REVERSE 1 /* this entry is hit by the backend's packets */
#define LB_FLOW_ALONE	2 /* answers do not come back through us: there is no mirror */

/* TCP as seen in the direction of the entry. A connection is closed when both saw FIN or either saw RST. */
#define LB_TCP_SYN   1
#define LB_TCP_ACKED 2
#define LB_TCP_FIN   4
#define LB_TCP_RST   8

/* As in the frame. tpid 0: no tag. */
struct lb_vlan {
	__be16 tpid;
	__be16 tci;
};
LB_ASSERT_SIZE(struct lb_vlan, 4);

#define LB_VLANS 2

/* The way back to the client, learnt from its packets. */
struct lb_way {
	__u8 dmac[6];
	__u8 smac[6];
	__u32 ifindex;
	struct lb_vlan vlan[LB_VLANS]; /* tags, outer first */
} __attribute__((aligned(8)));
LB_ASSERT_SIZE(struct lb_way, 24);

struct lb_flow {
	struct lb_addr client;
	__be16 port;	  /* the client's */
	__be16 snat_port; /* ours towards the backend; the client's again where that is not rewritten */
	__u16 backend;
	__u16 gen; /* must equal the backend record's */
	__u8 proto;
	__u8 flags;
	__u8 tcp;
	__u8 source; /* which of the backend record's source addresses */
	__u32 seen;  /* low 32 bits of jiffies; refreshed about once a second */
	struct lb_way way;
	__u32 tag;    /* as in the bucket; the table's own */
	__be16 vport; /* the client asked for */
	__u16 pad;
};
LB_ASSERT_SIZE(struct lb_flow, 64);

/* The table is an array of buckets: an entry lies in the bucket its key hashes to, in the way its key hashes to if that
 * was free, else in any. A bucket is a quarter of a page; its first cache line says where in it to look. The entry in
 * its own way has the tag as well, and is found without waiting for that line: a search costs one miss, not two. */
#define LB_FLOW_WAYS 15

struct lb_flow_bucket {
	struct bpf_spin_lock lock; /* writers only */
	__u32 tag[LB_FLOW_WAYS];   /* hash bits beside the entry; 0: the way is empty */
	struct lb_flow entry[LB_FLOW_WAYS];
};
LB_ASSERT_SIZE(struct lb_flow_bucket, 1024);
