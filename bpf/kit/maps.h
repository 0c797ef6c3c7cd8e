/* Every map. Sizes here are the defaults; the agent sets them from the configuration before load and pins each map
 * under its name. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lb/abi.h"
#include "lb/addr.h"
#include "lb/backend.h"
#include "lb/count.h"
#include "lb/flow.h"
#include "lb/service.h"

#define DEFAULT_MAGLEV_BYTES (65537 * 2)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_abi);
} abi SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct lb_vip_key);
	__type(value, struct lb_vip);
} vips SEC(".maps");

/* For the agent only: whose id is whose. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct lb_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct lb_backend);
} backends SEC(".maps");

/* Service id → its Maglev table, one value of 16-bit backend ids; replaced as a whole. */
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
		__uint(value_size, DEFAULT_MAGLEV_BYTES);
	});
} maglev SEC(".maps");
/* clang-format on */

/* Not the kernel's LRU hash: that costs 30 ns a lookup more, and keeps silent flows in preference to new ones. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct lb_flow_bucket);
} flows SEC(".maps");

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
