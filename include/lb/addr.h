/* Addresses and the tuple of a packet. Addresses are 16 bytes, IPv4 mapped (::ffff:a.b.c.d); all fields network order.
 */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

struct lb_addr {
	__be32 w[4];
};
LB_ASSERT_SIZE(struct lb_addr, 16);

/* As the packet carries it: who sent it, to whom. */
struct lb_tuple {
	struct lb_addr src;
	struct lb_addr dst;
	__be16 sport;
	__be16 dport;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad[3];
} __attribute__((aligned(8))); /* compared as words */
LB_ASSERT_SIZE(struct lb_tuple, 40);
