/* The contract between the BPF programs and the agent: its number, its limits, and the assertion both sides run.
 * Everything in include/lb is fixed width, without pointers, libc or implicit padding; it compiles for both sides. */
#pragma once
#include <linux/types.h>

/* Raised whenever the meaning or layout of anything in include/lb changes; pinned maps of another number are refused.
 */
#define LB_ABI 5

#define LB_NAME_MAX 208 /* service name with its NUL, as kept in a pinned map */
#define LB_ID_NONE  0xffff

#define LB_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " is part of the ABI")

/* What the flow hash is keyed with; the same on all nodes that share a VIP. */
#define LB_HASH_WORDS 10
struct lb_hash_key {
	__u32 w[LB_HASH_WORDS];
};
LB_ASSERT_SIZE(struct lb_hash_key, 40);

/* The one entry of the map `abi`: what the pinned maps beside it were made for. */
struct lb_abi {
	__u32 abi;
	__u32 maglev_size;
	__u32 max_services;
	__u32 max_backends;
	__u32 max_flows;
	__u32 pad;
	struct lb_hash_key key; /* kept, so that an adopted flow table and the rows stay consistent */
};
LB_ASSERT_SIZE(struct lb_abi, 64);
