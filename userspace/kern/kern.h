/* The kernel tier: plain desired state in, counts and problems out. The only room that includes libbpf.
 * Everything here runs on the control thread. `kern_none` (no kernel features) is the same interface; callers never ask
 * which. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/err.h"
#include "base/prefix.h"

enum kern_proto { KERN_TCP = 6, KERN_UDP = 17 };
enum kern_xdp_mode { KERN_XDP_AUTO, KERN_XDP_NATIVE, KERN_XDP_GENERIC };
/* How packets reach the backends; docs/BPF.md has what each needs there. Values are those of LB_MODE_*. */
enum kern_forwarding { KERN_SNAT, KERN_DNAT, KERN_DSR, KERN_IPIP, KERN_GUE };

/* Who may send to VIPs. Borrowed arrays in any order; a prefix that is in both lists is denied. */
struct kern_guard {
	bool filter; /* sources are looked for in the lists at all; as it was when opened */
	const struct prefix *allow, *deny;
	size_t nallow, ndeny; /* nallow 0: everybody who is not denied */
	/* Per source address (IPv6: per /64); 0: no limit. A burst of 0 is a second's worth. As when opened. */
	uint32_t packets_per_second, packets_burst, connections_per_second, connections_burst;
	uint32_t max_sources; /* remembered at a time; what there is no room for is not limited */
	uint32_t syn_cookies; /* SYNs to `listeners` per second beyond which they get cookies; 0: never */
};

/* How health checks of dsr, ipip and gue services are told from other packets of this host, so that they can be sent
 * the way traffic goes. Another instance in the same network namespace needs others. */
struct kern_probe {
	uint32_t mark;		  /* of packets, the upper 16 bits; the lower ones are 0 */
	uint32_t table, priority; /* of the routing rule */
};

struct kern_conf {
	const char *const *interfaces;
	size_t ninterfaces;
	enum kern_xdp_mode mode;
	const char *pin_path;
	uint32_t max_services, max_backends, max_flows, maglev_size;
	uint64_t udp_timeout_ns;
	/* Silence after which a connection may be forgotten: established, in its handshake, closed. */
	uint64_t tcp_timeout_ns, tcp_opening_ns, tcp_closed_ns;
	const char *hash_secret; /* borrowed; the same on all nodes that share VIPs. NULL: the public default */
	uint16_t snat_port_lo, snat_port_hi; /* inclusive */
	struct kern_guard guard;
	struct kern_probe probe;
	const struct endpoint *listeners; /* borrowed; where the agent itself takes TCP connections */
	size_t nlisteners;
};

struct kern_backend {
	struct endpoint at;
	uint32_t weight; /* 0 or !up: no new flows; established ones stay */
	bool up;
	uint8_t quic_id[8]; /* of services with quic_length */
};

/* A port of 0 in a backend's endpoint stands for the one that the client asked for. */
struct kern_service {
	const char *name; /* qualified; identity in counters */
	struct endpoint vip;
	uint16_t last_port; /* a range of ports begins at the VIP's; 0: just that one. 0 to 65535: all of them */
	enum kern_proto proto;
	enum kern_forwarding forwarding;
	bool track;	      /* remember every flow, and not only those that a change of the table concerns */
	bool echo;	      /* the VIP answers echo requests */
	uint8_t quic_length;  /* bytes of the server id in QUIC connection ids, at most 8; 0: not looked for */
	uint8_t quic_config;  /* their configuration id */
	uint64_t affinity_ns; /* all flows of a client go where they went less than so long ago; 0: each for itself */
	bool checked; /* its servers have a health check, which asks for probe_path */
	const struct kern_backend *backends;
	size_t nbackends;
};

/* dsr, ipip and gue: the server takes packets for the VIP and answers past us. */
static inline bool kern_is_direct(enum kern_forwarding f)
{
	return f >= KERN_DSR;
}

/* What a socket needs whose packets to the VIP shall go to one backend, as those of clients do. */
struct kern_probe_path {
	struct addr from;  /* to bind to */
	uint32_t mark;	   /* for SO_MARK */
	int hops;	   /* for IP_TTL, IPV6_UNICAST_HOPS */
	char problem[400]; /* why not, and the remedy; "": nothing to tell */
};

struct kern; /* live state */

/* Counter rows handed to a visitor; label values are only valid during the call. service/backend may be NULL. */
struct kern_count {
	const char *name, *help; /* Prometheus counter name, e.g. "sluice_kernel_packets_total" */
	bool gauge;
	const char *service, *backend, *reason; /* label values; NULL where the row has no such label */
	uint64_t value;
};

struct kern_iface_state {
	const char *name;
	const char *mode;    /* "native", "generic" or "" when not attached */
	const char *problem; /* why not attached, or NULL */
};

struct kern_ops {
	/* Installs exactly these services: backends first, new Maglev inner maps, then VIP entries, then retires what
	 * is gone; each step is safe to die after. Idempotent. Backends keep their ids by identity (service +
	 * endpoint). 0 or -errno with errors added. */
	int (*sync)(struct kern *k, const struct kern_service *services, size_t n, struct err_list *errs);
	/* Replaces the lists of prefixes in one step that no packet falls into; the limits stay as opened. 0 or -errno
	 * with errors added, and then the lists are as they were. */
	int (*guard)(struct kern *k, const struct kern_guard *guard, struct err_list *errs);
	/* The way for a check of one backend of a service that was synced; to be asked before each, since addresses
	 * and routes change. What it needs in the host's routing is made when it is first asked for, and goes with the
	 * last service that is checked. 0; or -errno with ret->problem: a check can only go to the server's own
	 * address (and so it should with snat and dnat, which tell no problem). */
	int (*probe_path)(struct kern *k, const struct kern_service *s, const struct endpoint *backend,
			  struct kern_probe_path *ret);
	/* Readable when netlink has news; the control loop calls refresh then and also once a second. */
	int (*poll_fd)(struct kern *k); /* -1: none */
	void (*refresh)(struct kern *k);
	void (*counts)(struct kern *k, void (*fn)(void *ctx, const struct kern_count *c), void *ctx);
	size_t (*interfaces)(struct kern *k, struct kern_iface_state *ret, size_t max);
	/* keep: leave programs, maps, pins and flows in force for the next start. Otherwise detach and remove
	 * everything. */
	void (*close)(struct kern *k, bool keep);
};

struct kern {
	const struct kern_ops *ops;
	bool adopted; /* kern_open found maps or links of an earlier run in force and took them over */
};

/* Loads or adopts (pinned maps of the same ABI and sizes keep their flows), attaches to the interfaces. On failure
 * returns -errno, says why and the remedy in errs, and changes nothing. Problems with single interfaces are warnings.
 */
int kern_open(const struct kern_conf *conf, struct kern **ret, struct err_list *errs);
/* The same interface without a kernel: sync succeeds with a warning per service that it is not served. Never fails. */
struct kern *kern_none_open(const char *why);
/* "" when XDP can work here, else what is missing (no root, no BPF, …). Static text. */
const char *kern_probe(void);
