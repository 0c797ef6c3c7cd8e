/* The contract of bpf/decap.bpf.c with the agent: what it counts. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"

/* X(name, help): every packet counts under one of them; the order is ABI. */
#define LB_DECAP_COUNTS(X)                                                       \
	X(other, "not encapsulated; the stack's")                                \
	X(ipip, "taken out of an IP header")                                     \
	X(gue, "taken out of IP and UDP")                                        \
	X(foreign, "encapsulated, but not for a configured address; left")       \
	X(malformed, "encapsulated, but headers or lengths are broken; dropped") \
	X(congested, "marked CE outside, but not capable of ECN inside; dropped (RFC 6040)")

enum lb_decap_count {
#define LB_DECAP_ENUM(name, help) LB_DECAP_##name,
	LB_DECAP_COUNTS(LB_DECAP_ENUM)
#undef LB_DECAP_ENUM
		LB_DECAP_N
};
