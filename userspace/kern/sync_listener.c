/* A listener on every address is one on each that the host has: the program must answer for no other, since packets
 * that are only routed through this host carry such ports too. */
#include "kern/sync_listener.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>
#include "base/mem.h"
#include "kern/table.h"
#include "lb/cookie.h"
#include "xdp.skel.h"

#define COOKIES_SYSCTL "/proc/sys/net/ipv4/tcp_syncookies" /* of IPv6, too */
#define ALWAYS	       '2'

bool listener_cookies_ready(void)
{
	_cleanup_close_ int fd = open(COOKIES_SYSCTL, O_RDONLY | O_CLOEXEC);
	char c = 0;

	return fd >= 0 && read(fd, &c, 1) == 1 && c == ALWAYS;
}

/* Floods are not even over CPUs, but a CPU cannot ask the others. */
static uint32_t per_cpu(uint32_t syns, int cpus)
{
	uint32_t n = cpus > 0 ? syns / (uint32_t)cpus : syns;

	return syns && !n ? 1 : n;
}

int listener_configure(struct xdp_bpf *o, const struct kern_guard *g)
{
	o->rodata->knob_syn_cookies = per_cpu(g->syn_cookies, libbpf_num_possible_cpus());
	return bpf_map__set_max_entries(o->maps.listeners, g->syn_cookies ? LB_LISTENERS : 1);
}

/* The round marks what is wanted, so that the rest can be told from it. */
static int put(const struct live *l, const struct addr *addr, uint16_t port)
{
	struct lb_listener key = { .addr = table_addr(addr), .port = htons(port) };

	return bpf_map_update_elem(bpf_map__fd(l->object->maps.listeners), &key, &l->listener_round, BPF_ANY) < 0
		       ? -errno
		       : 0;
}

/* "[::]" takes IPv4 too. */
static bool is_meant(const struct endpoint *e, const struct addr *own)
{
	return addr_eq(&e->addr, &addr_any6) || addr_is_v4(own);
}

static int put_everywhere(const struct live *l, const struct endpoint *e, const struct ifaddrs *own)
{
	struct endpoint at;
	int r = 0;

	for (; r == 0 && own; own = own->ifa_next)
		if (own->ifa_addr && endpoint_from_sockaddr(own->ifa_addr, &at) == 0 && is_meant(e, &at.addr))
			r = put(l, &at.addr, e->port);
	return r;
}

static int put_all(const struct live *l)
{
	struct ifaddrs *own = NULL;
	int r = getifaddrs(&own) < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < l->nlisteners; i++) {
		const struct endpoint *e = &l->listeners[i];

		r = addr_is_any(&e->addr) ? put_everywhere(l, e, own) : put(l, &e->addr, e->port);
	}
	freeifaddrs(own);
	return r;
}

/* Those of earlier rounds go. The next key is asked for before this one is deleted. */
static void sweep(const struct live *l)
{
	int fd = bpf_map__fd(l->object->maps.listeners);
	struct lb_listener key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
	uint32_t round;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &round) == 0 && round != l->listener_round)
			(void)bpf_map_delete_elem(fd, &key);
	}
}

int sync_listener(struct live *l)
{
	int r;

	if (!l->object->rodata->knob_syn_cookies)
		return 0;
	l->listener_round++;
	r = put_all(l);
	if (r == 0)
		sweep(l);
	return r;
}
