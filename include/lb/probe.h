/* The contract of bpf/probe.bpf.c with the agent: what the mark of a health check's packets says. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

/* The lower half is the id of the backend to send them to; the upper one makes the mark ours. */
#define LB_PROBE_ID   0xffff
#define LB_PROBE_MASK 0xffff0000

/* The one entry of the map `probe_rule`: the rule that brings marked packets to the program, for who has to remove it.
 */
struct lb_probe_rule {
	__u32 mark;
	__u32 table, priority;
	__u32 pad;
};
LB_ASSERT_SIZE(struct lb_probe_rule, 16);
