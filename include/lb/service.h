/* Which packets are for which service: addresses, then ports, and what the pinned maps remember about a service.
 * Addresses and ports are tables of small buckets in array maps: a hash map costs 30 ns a lookup here, these cost 3. An
 * entry is in one of the two buckets that its hash names (Azar et al., "Balanced Allocations", 1994: with two choices
 * and a load under a third, no bucket overflows). The agent writes them; an entry appears and goes by single words. */
#pragma once
#include <linux/types.h>
#include "lb/abi.h"
#include "lb/addr.h"
#include "lb/hash.h"

/* How packets of a service are treated. */
#define LB_RULE_TRACK	 1 /* every flow has an entry in the flow table, and not only those of moved rows */
#define LB_RULE_AFFINITY 2 /* a client address stays with its backend, whatever its ports */
#define LB_RULE_QUIC	 4 /* connection ids may name the backend */

struct lb_port {
	__u16 address; /* lb_address.id */
	__be16 port;
	__u8 proto; /* 0: the place is free */
	__u8 rules; /* LB_RULE_* */
	__u16 service;
} __attribute__((aligned(8)));
LB_ASSERT_SIZE(struct lb_port, 8);

/* In proto, with port 0: the only service that this protocol has on the address, for fragments without ports. */
#define LB_PORT_ANY 0x80

/* What an address is to us; several at once are possible. */
#define LB_ADDRESS_VIP	  1  /* packets to it are balanced by its ports */
#define LB_ADDRESS_SOURCE 2  /* ours towards backends: answers to flows come back to it */
#define LB_ADDRESS_SERVER 4  /* a dnat backend: answers to flows come from it */
#define LB_ADDRESS_RANGES 8  /* it has ranges of ports, under `ranges` */
#define LB_ADDRESS_ECHO	  16 /* echo requests to it are answered */

struct lb_address {
	struct lb_addr addr; /* all zero: the place is free (an IPv4 address never is) */
	__u16 flags;
	__u16 id; /* of a VIP, for its ports */
	__u32 pad;
	struct lb_port first; /* one of its ports, to be found here at once; most have no other */
};
LB_ASSERT_SIZE(struct lb_address, 32);

#define LB_ADDRESS_WAYS 2

struct lb_address_bucket {
	struct lb_address way[LB_ADDRESS_WAYS];
};
LB_ASSERT_SIZE(struct lb_address_bucket, 64);

#define LB_PORT_WAYS 4

struct lb_port_bucket {
	struct lb_port way[LB_PORT_WAYS];
};
LB_ASSERT_SIZE(struct lb_port_bucket, 32);

/* From first to last, host order; proto 0: unused. A port of its own comes before a range. */
struct lb_range {
	__u16 first, last;
	__u8 proto;
	__u8 rules;
	__u16 service;
};
LB_ASSERT_SIZE(struct lb_range, 8);

#define LB_RANGES 16 /* of one address */

struct lb_ranges {
	struct lb_range range[LB_RANGES];
};
LB_ASSERT_SIZE(struct lb_ranges, 128);

/* The low and the high half name the two buckets. */
static inline __attribute__((always_inline)) __u64 lb_address_hash(const struct lb_addr *a)
{
	__u64 h = ((__u64)a->w[0] << 32 | a->w[1]) * 0x9e3779b97f4a7c15ULL +
		  ((__u64)a->w[2] << 32 | a->w[3]) * 0xd6e8feb86659fd93ULL;

	h ^= h >> 29;
	h *= 0xff51afd7ed558ccdULL;
	return h ^ (h >> 32);
}

static inline __attribute__((always_inline)) __u64 lb_port_hash(__u16 address, __be16 port, __u8 proto)
{
	__u64 h = ((__u64)proto << 32 | (__u32)address << 16 | port) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 29;
	h *= 0xff51afd7ed558ccdULL;
	return h ^ (h >> 32);
}

/* What a service serves. */
struct lb_vip_key {
	struct lb_addr addr;
	__be16 port; /* first, and last if there are several; 0 to 65535: the whole address */
	__be16 last; /* as port, when it is one */
	__u8 proto;
	__u8 pad[3];
};
LB_ASSERT_SIZE(struct lb_vip_key, 24);

/* Ids survive the agent: the record says whose id it is (name and VIP together). */
struct lb_service {
	__u32 affinity; /* seconds that a silent client stays with its backend */
	__u32 active;	/* 0: retired, the id may be given away, oldest first */
	struct lb_vip_key vip;
	__u64 retired;	  /* CLOCK_BOOTTIME in ns, when it was retired */
	__u32 rules;	  /* LB_RULE_*, as in its ports */
	__u8 echo;	  /* 1: its address answers echo requests */
	__u8 quic_length; /* bytes of a server id in its connection ids */
	__u8 quic_config; /* their configuration id */
	__u8 pad;
	char name[LB_NAME_MAX]; /* "": the id was never used */
};
LB_ASSERT_SIZE(struct lb_service, 256);

/* Key of the map `quic_ids`, whose value is the backend's id: a server id as plaintext connection ids carry it
 * (draft-ietf-quic-load-balancers §4), zeros behind it. */
#define LB_QUIC_ID 8

struct lb_quic_key {
	__u8 id[LB_QUIC_ID];
	__u32 service;
	__u32 pad;
};
LB_ASSERT_SIZE(struct lb_quic_key, 16);

/* What is in use at all, so that nothing is looked for in vain. */
#define LB_TRAIT_DNAT 1 /* answers come from dnat backends, to any address */

struct lb_traits {
	__u32 flags;
	__u32 pad;
};
LB_ASSERT_SIZE(struct lb_traits, 8);
