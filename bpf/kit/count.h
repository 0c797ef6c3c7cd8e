/* Bumps the counters of a finished packet. Per-CPU cells: no atomics. */
#pragma once
#include "kit/maps.h"
#include "kit/pkt.h"

INLINE void count_traffic(void *map, __u32 id, const struct pkt *p, __u32 bytes)
{
	struct lb_traffic *t = bpf_map_lookup_elem(map, &id);

	if (!t)
		return;
	t->packets++;
	t->bytes += bytes;
	if (p->fresh)
		t->flows++;
}

INLINE void count_packet(const struct pkt *p, enum verdict v)
{
	__u32 reason = p->reason, bytes = pkt_bytes(p);
	struct lb_count *c = bpf_map_lookup_elem(&reasons, &reason);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
	if (v != FORWARD)
		return;
	count_traffic(&service_counts, p->service, p, bytes);
	count_traffic(&backend_counts, p->backend, p, bytes);
}
