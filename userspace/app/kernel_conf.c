/* One field after the other; the option tables have checked them. */
#include "app/kernel_conf.h"
#include <stdio.h>
#include "base/arena.h"
#include "model/address.h"

static void parse_ports(const char *text, struct kern_conf *kc)
{
	unsigned lo = 0, hi = 0;
	if (text && sscanf(text, "%u-%u", &lo, &hi) == 2) {
		kc->snat_port_lo = (uint16_t)lo;
		kc->snat_port_hi = (uint16_t)hi;
	}
}

struct kern_conf kernel_conf_of(const struct kernel_conf *c)
{
	struct kern_conf kc = {
		.interfaces = (const char *const *)c->interfaces.v,
		.ninterfaces = c->interfaces.n,
		.mode = (enum kern_xdp_mode)c->xdp_mode,
		.pin_path = c->pin_path,
		.max_services = (uint32_t)c->max_services,
		.max_backends = (uint32_t)c->max_backends,
		.max_flows = (uint32_t)c->max_flows,
		.maglev_size = (uint32_t)c->maglev_size,
		.udp_timeout_ns = (uint64_t)c->udp_timeout_ns,
		.tcp_timeout_ns = (uint64_t)c->tcp_timeout_ns,
		.tcp_opening_ns = (uint64_t)c->tcp_opening_ns,
		.tcp_closed_ns = (uint64_t)c->tcp_closed_ns,
		.hash_secret = c->hash_secret,
		.probe = {
			.mark = (uint32_t)c->probes.mark << 16,
			.table = (uint32_t)c->probes.table,
			.priority = (uint32_t)c->probes.priority,
		},
	};

	parse_ports(c->snat.ports, &kc);
	return kc;
}

struct kern_guard kernel_conf_guard(const struct protection_conf *c, const struct prefix_lists *lists)
{
	return (struct kern_guard){
		.filter = c->allow.n || c->deny.n || c->allow_file || c->deny_file,
		.allow = lists->allow.v,
		.nallow = lists->allow.n,
		.deny = lists->deny.v,
		.ndeny = lists->deny.n,
		.packets_per_second = (uint32_t)c->packets_per_second,
		.packets_burst = (uint32_t)c->packets_burst,
		.connections_per_second = (uint32_t)c->connections_per_second,
		.connections_burst = (uint32_t)c->connections_burst,
		.max_sources = (uint32_t)c->max_sources,
		.syn_cookies = (uint32_t)c->syn_cookies,
	};
}

void kernel_conf_listeners(const struct static_conf *c, struct kern_conf *kc, struct arena *arena)
{
	struct endpoint *out = arena_zalloc(arena, (c->entry_points.n + 1) * sizeof(*out));
	struct listen_at at;

	kc->listeners = out;
	kc->nlisteners = 0;
	for (size_t i = 0; i < c->entry_points.n; i++) {
		const struct entry_conf *e = opt_map_at(&c->entry_points, i);

		if (e->address && address_parse(e->address, &at) == 0 && !at.udp && !at.last)
			out[kc->nlisteners++] = at.at;
	}
}
