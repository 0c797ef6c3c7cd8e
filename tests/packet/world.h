/* The small world every packet case starts in, straight in the program's maps. One source port only (20000), so what a
 * packet leaves as is known byte for byte.
 *
 *   client 198.18.0.100          VIP 198.18.0.10           backends behind interface 7 (redirect) or 1 (same one: TX)
 *                                tcp :80  service 1   →     1  198.18.1.11:8080  if 7   up
 *                                udp :53  service 2   →     2  198.18.1.12:5353  if 1   up
 *                                tcp :81  service 3   →     no backend
 *                                tcp :82  service 4   →     4  198.18.1.14:8080, next hop unknown
 *                                tcp :83  service 5   →     5  198.18.1.15:8080, up, by interface 99 that is no device
 * of ours spare                                                   3  198.18.1.13:8080 tcp, 6 198.18.1.16:5353 udp
 *                                [fd00::10] tcp :80  11 →     11  [fd00:1::11]:8080  if 7   up
 *                                [fd00::10] udp :53  12 →     12  [fd00:1::12]:5353  if 1   up
 * Source towards backends: 198.18.1.1:20000, [fd00:1::1]:20000. Packets enter by interface 1. */
#pragma once
#include <stdint.h>
#include "lb/backend.h"
#include "lb/flow.h"
#include "lb/service.h"
#include "xdp.skel.h"

#define VIP	  "198.18.0.10"
#define CLI	  "198.18.0.100"
#define SNAT	  "198.18.1.1"
#define VIP6	  "fd00::10"
#define CLI6	  "fd00::100"
#define SNAT6	  "fd00:1::1"
#define SNAT_PORT 20000
#define MTU	  1500

/* Loads the program with the world's knobs. NULL: no permission or no kernel support (errno). */
struct xdp_bpf *world_open(void);
/* The same with knobs of a test's own. */
struct xdp_bpf *world_open_with(void (*tune)(struct xdp_bpf *w));
void world_reset(struct xdp_bpf *w);
void world_reset_flows(struct xdp_bpf *w);
/* Number of packets that ended with each reason, all CPUs. */
void world_reasons(struct xdp_bpf *w, uint64_t *out);
void world_traffic(struct xdp_bpf *w, uint32_t service, uint32_t backend, uint64_t out_flows[2]);

uint64_t world_backend_packets(struct xdp_bpf *w, uint32_t backend);

/* The address is also what the flags say (LB_ADDRESS_*). */
void world_address(struct xdp_bpf *w, const char *ip, uint16_t flags);
/* It is that and nothing else. */
void world_address_only(struct xdp_bpf *w, const char *ip, uint16_t flags);
/* Packets to this port are for the service, by these rules (LB_RULE_*). */
void world_vip(struct xdp_bpf *w, const char *vip, uint16_t port, uint8_t proto, uint16_t service, uint8_t rules);

/* Things that happen between two packets. */
void world_row_to(struct xdp_bpf *w, uint32_t service, uint16_t backend);
/* The service's rows belong to `now`, and belonged to `before` until so many seconds ago. */
void world_row_moved(struct xdp_bpf *w, uint32_t service, uint16_t now, uint16_t before, uint16_t seconds_ago);
void world_set_mode(struct xdp_bpf *w, uint32_t backend, uint8_t mode);
/* Connection ids of the service carry server ids of so many bytes, under this configuration id. */
void world_quic(struct xdp_bpf *w, uint32_t service, uint8_t length, uint8_t config);
/* id: without zeros */
void world_quic_id(struct xdp_bpf *w, uint32_t service, const char *id, uint32_t backend);
/* The backend is there, and reached from this address of ours. */
void world_backend_at(struct xdp_bpf *w, uint32_t backend, const char *ip, const char *source);
void world_backend_mtu(struct xdp_bpf *w, uint32_t backend, uint32_t mtu);
/* The backend takes whatever port the client asked for. */
void world_any_port(struct xdp_bpf *w, uint32_t backend);
void world_affinity(struct xdp_bpf *w, uint32_t service, uint32_t seconds);
void world_ranges(struct xdp_bpf *w, const char *vip, const struct lb_ranges *ranges);
void world_set_flags(struct xdp_bpf *w, uint32_t backend, uint16_t flags);
void world_each_flow(struct xdp_bpf *w, void (*fn)(struct lb_flow *f));
void world_bump_gen(struct xdp_bpf *w, uint32_t backend);
void world_drop_reverse(struct xdp_bpf *w);
void world_drop_forward(struct xdp_bpf *w);
/* Our address on the way to this backend changes. */
void world_move_source(struct xdp_bpf *w, uint32_t backend, const char *to);
/* Fills every empty way of the table with half-open connections like the one flow that is there. */
void world_crowd(struct xdp_bpf *w);
unsigned world_flows(struct xdp_bpf *w);
