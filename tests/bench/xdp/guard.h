/* The guard switched on for a measurement: GUARD=lists (100,000 prefixes, none of which is met), GUARD=limits (never
 * reached), GUARD=all. Without it the program is loaded as it is when nobody uses the guard. */
#pragma once
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lb/guard.h"
#include "lb/service.h"
#include "xdp.skel.h"

#define GUARD_PREFIXES 100000
#define GUARD_BUCKETS  16384 /* of maxSources 65536 */

static bool guard_wants(const char *what)
{
	const char *g = getenv("GUARD");

	return g && (strcmp(g, what) == 0 || strcmp(g, "all") == 0);
}

/* Before the load. */
static void guard_tune(struct xdp_bpf *o)
{
	if (guard_wants("lists"))
		o->rodata->knob_guard_prefixes = 1;
	if (!guard_wants("limits"))
		return;
	o->rodata->knob_packet_cost = o->rodata->knob_connection_cost = 1;
	o->rodata->knob_packet_room = o->rodata->knob_connection_room = 1ull << 50;
	o->rodata->knob_source_buckets = GUARD_BUCKETS;
	bpf_map__set_max_entries(o->maps.sources, GUARD_BUCKETS);
}

/* After it: networks all over the address space, as lists of evildoers have them, but for the benchmark's own. */
static void guard_fill(struct xdp_bpf *o)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct lb_prefix p = { .bits = 96 + 24, .addr = { { 0, 0, htonl(0xffff), 0 } } };
	uint32_t zero = 0, word = LB_SOURCE_DENIED;
	struct lb_vip_key key = { .addr = { { 0, 0, htonl(0xffff), 0 } } };
	struct lb_vip vip = { .service = LB_ID_NONE };
	int fd;

	inet_pton(AF_INET, "198.18.0.10", &key.addr.w[3]);
	bpf_map_update_elem(bpf_map__fd(o->maps.vips), &key, &vip, BPF_ANY);
	if (!guard_wants("lists"))
		return;
	fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", sizeof(p), sizeof(word), GUARD_PREFIXES, &opts);
	for (uint32_t i = 0; i < GUARD_PREFIXES; i++) {
		uint32_t net = i * 2654435761u & 0xffffff00;

		p.addr.w[3] = htonl(net);
		if (net >> 16 != (198 << 8 | 19))
			bpf_map_update_elem(fd, &p, &word, BPF_ANY);
	}
	bpf_map_update_elem(bpf_map__fd(o->maps.guard_prefixes), &zero, &fd, BPF_ANY);
	close(fd);
}
