/* The guard at the door: is this source welcome at VIPs, and is it sending too fast? Not asked about packets to other
 * addresses, which are the stack's. The knobs that switch it on are known to the verifier: while they are zero none of
 * this is in the program. */
#pragma once
#include <linux/in.h>
#include <linux/in6.h>
#include "kit/knob.h"
#include "kit/maps.h"
#include "kit/pkt.h"
#include "stage/ratelimit.h"
#include "stage/service.h"

/* LB_SOURCE_*. The trie is replaced as a whole, so that no packet sees half of a change. */
INLINE __u32 firewall_word(const struct pkt *p)
{
	struct lb_prefix key = { .bits = 128, .addr = p->key.src };
	__u32 zero = 0, *word;
	void *trie = bpf_map_lookup_elem(&guard_prefixes, &zero);

	if (!trie)
		return LB_SOURCE_PASS;
	word = bpf_map_lookup_elem(trie, &key);
	return word ? *word : LB_SOURCE_PASS;
}

/* ICMP errors come from routers on the way, which no list of clients names: without them a client behind a narrow link
 * would stall (RFC 1191, RFC 8201). The deny list holds for them too. */
INLINE bool firewall_any_sender(const struct pkt *p)
{
	return p->key.proto == IPPROTO_ICMP || p->key.proto == IPPROTO_ICMPV6;
}

static __attribute__((noinline)) enum verdict firewall(struct pkt *p)
{
	__u32 word = firewall_word(p);

	if (word == LB_SOURCE_DENIED)
		return END(p, denied);
	if (word == LB_SOURCE_NOT_ALLOWED && !firewall_any_sender(p))
		return END(p, not_allowed);
	return NEXT;
}

INLINE enum verdict stage_guard(struct pkt *p)
{
	if (!knob_guard_prefixes && !knob_packet_cost)
		return NEXT;
	if (!service_is_vip(p))
		return NEXT;
	if (knob_guard_prefixes)
		TRY(firewall(p));
	return knob_packet_cost ? ratelimit_packet(p) : NEXT;
}
