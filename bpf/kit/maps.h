/* Every map. Sizes here are the defaults; the agent sets them from the configuration before load and pins each map
 * under its name. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lb/abi.h"
#include "lb/addr.h"
#include "lb/backend.h"
#include "lb/cookie.h"
#include "lb/count.h"
#include "lb/event.h"
#include "lb/flow.h"
#include "lb/fragment.h"
#include "lb/guard.h"
#include "lb/icmp.h"
#include "lb/service.h"
#include "kit/verifier.h"

#define DEFAULT_MAGLEV_ROWS 65537

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_abi);
} abi SEC(".maps");

/* The flags of this and the tables below make the kernel begin them at a page, so that buckets lie on cache lines. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_address_bucket);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_port_bucket);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_ranges);
} ranges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_traits);
} traits SEC(".maps");

/* Whose id is whose, and what is rarely asked of a service. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct lb_backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct lb_quic_key);
	__type(value, __u32);
} quic_ids SEC(".maps");

/* Service id → its Maglev table, one value: 16-bit rows, then one struct lb_past per row (lb/backend.h); replaced as a
 * whole. */
/* clang-format off */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, DEFAULT_MAGLEV_ROWS * LB_ROW_BYTES);
	});
} maglev SEC(".maps");
/* clang-format on */

/* Not the kernel's LRU hash: that costs 30 ns a lookup more, and keeps silent flows in preference to new ones. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct lb_flow_bucket);
} flows SEC(".maps");

/* Where the rest of fragmented packets goes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LB_FRAGMENT_BUCKETS);
	__type(key, __u32);
	__type(value, struct lb_fragment_bucket);
} fragments SEC(".maps");

/* Interfaces a packet may leave by, under their ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_R_COUNT);
	__type(key, __u32);
	__type(value, struct lb_count);
} reasons SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_traffic);
} service_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct lb_traffic);
} backend_counts SEC(".maps");

/* The switch of kit/event.h (mapped by who watches, so that both sides write single fields), and where samples go. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_capture);
} capture SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, LB_EVENT_RING);
} events SEC(".maps");

/* What each CPU may still send of ICMP messages of our own (stage/icmp.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_icmp_budget);
} icmp_budget SEC(".maps");

/* Room for what the 512 bytes of stack have no place for. One user at a time: who calls another stage may find its part
 * changed, so each stage has a part of its own. */
struct scratch {
	struct lb_tuple mirror;	 /* stage/flow.h */
	struct lb_tuple reverse; /* stage/pick.h */
	struct lb_tuple who;	 /* stage/affinity.h */
	struct lb_flow flow;	 /* being made: stage/flow.h, pick.h */
	struct lb_flow dead;	 /* being removed: stage/flow.h, nat.h */
	struct lb_tuple piece;	 /* stage/fragment.h */
	struct lb_flow kept;	 /* the same */
	__u8 guard[128];	 /* stage/firewall.h, ratelimit.h */
	__u8 forward[128];	 /* stage/forward.h, encap.h, icmp.h */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

INLINE struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* One trie of source prefixes, replaced as a whole; none: everybody is welcome. */
/* clang-format off */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(struct lb_prefix));
		__uint(value_size, sizeof(__u32));
	});
} guard_prefixes SEC(".maps");
/* clang-format on */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_source_bucket);
} sources SEC(".maps");

/* Packets of sources there was no room for in `sources`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} guard_untracked SEC(".maps");

/* Where this host itself accepts connections, for SYN cookies (stage/cookie.h). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct lb_listener);
	__type(value, __u32);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_syns);
} syns SEC(".maps");
