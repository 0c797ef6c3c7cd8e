/* The checks, from the host over its interfaces to what the services need. */
#include "kern/preflight.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/attach.h"
#include "kern/neigh.h"
#include "kern/nic.h"
#include "kern/pin.h"
#include "kern/probe_source.h"
#include "kern/sync_listener.h"

#define TEXT_MAX       256
#define NEIGH_TRIES    30
#define NEIGH_PAUSE_NS (100 * NS_PER_MS)
#define UDP_BYTES      8

enum { CAP_NET_ADMIN_BIT = 12, CAP_SYS_ADMIN_BIT = 21, CAP_BPF_BIT = 39 };

struct preflight {
	const struct kern_conf *conf;
	preflight_fn *fn;
	void *ctx;
	char text[TEXT_MAX], remedy[TEXT_MAX];
	struct neigh *neigh;
	struct nic *nics; /* those that exist, of the configured ones */
	size_t nnics;
};

/* ---- findings ---- */

static void remedy(struct preflight *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void remedy(struct preflight *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->remedy, sizeof(p->remedy), fmt, ap);
	va_end(ap);
}

/* With the remedy that was set before, if any. */
static void find(struct preflight *p, enum preflight_level level, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void find(struct preflight *p, enum preflight_level level, const char *subject, const char *fmt, ...)
{
	struct preflight_finding f = { .level = level, .subject = subject, .text = p->text };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	f.remedy = p->remedy[0] ? p->remedy : NULL;
	p->fn(p->ctx, &f);
	p->remedy[0] = '\0';
}

/* The first line of a file of /proc or /sys; false if it cannot be read. */
static bool read_line(const char *path, char *out, int size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || !fgets(out, size, f))
		return false;
	out[strcspn(out, "\n")] = '\0';
	return true;
}

static long read_number(const char *path, long otherwise)
{
	char line[32];

	return read_line(path, line, sizeof(line)) ? strtol(line, NULL, 10) : otherwise;
}

/* ---- host ---- */

static uint64_t capabilities(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	uint64_t caps = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	return caps;
}

static void check_rights(struct preflight *p)
{
	uint64_t caps = capabilities();
	bool all = caps >> CAP_NET_ADMIN_BIT & 1 && (caps >> CAP_BPF_BIT & 1 || caps >> CAP_SYS_ADMIN_BIT & 1);

	if (!all)
		remedy(p, "run as root, or grant CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN");
	find(p, all ? PREFLIGHT_OK : PREFLIGHT_FAIL, "rights", "%s",
	     all ? "may load programs and attach them" : "may not load programs or attach them");
}

static void check_kernel(struct preflight *p)
{
	struct utsname u;
	const char *missing = kern_probe();
	int major = 0, minor = 0;

	if (uname(&u) == 0)
		(void)sscanf(u.release, "%d.%d", &major, &minor);
	if (*missing) {
		find(p, PREFLIGHT_FAIL, "kernel", "%s: %s", u.release, missing);
		return;
	}
	if (major < 6 || (major == 6 && minor < 1))
		remedy(p, "use Linux 6.1 or later");
	find(p, major > 6 || (major == 6 && minor >= 1) ? PREFLIGHT_OK : PREFLIGHT_WARN, "kernel",
	     "%s runs XDP programs", u.release);
}

static void check_kernel_parts(struct preflight *p)
{
	bool btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	bool ring = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
	bool jit = read_number("/proc/sys/net/core/bpf_jit_enable", 1) != 0;

	if (!btf)
		remedy(p, "nothing is needed; tools such as bpftool show less without CONFIG_DEBUG_INFO_BTF");
	find(p, btf ? PREFLIGHT_OK : PREFLIGHT_WARN, "kernel", "%s", btf ? "has BTF" : "has no BTF");
	if (!ring)
		remedy(p, "use Linux 6.1 or later");
	find(p, ring ? PREFLIGHT_OK : PREFLIGHT_FAIL, "kernel", "%s",
	     ring ? "has ring buffers" : "has no ring buffers");
	if (!jit)
		remedy(p, "sysctl net.core.bpf_jit_enable=1");
	find(p, jit ? PREFLIGHT_OK : PREFLIGHT_WARN, "kernel", "%s",
	     jit ? "compiles BPF programs" : "interprets BPF programs: many times slower");
}

/* ---- interfaces ---- */

static bool is_ours(const struct preflight *p, const struct nic *n)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (pin_link_path(p->conf->pin_path, n->name, path) < 0)
		return false;
	fd = bpf_obj_get(path);
	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.prog_id == n->prog;
}

static void check_native(struct preflight *p, const struct nic *n)
{
	bool native = n->knows_features ? n->features & NIC_XDP : nic_try(n, true) == 0;
	const char *driver = n->driver[0] ? n->driver : "unknown driver";

	if (native && p->conf->mode != KERN_XDP_GENERIC) {
		find(p, PREFLIGHT_OK, n->name, "XDP would run in native mode (%s)", driver);
	} else if (p->conf->mode == KERN_XDP_NATIVE) {
		remedy(p, "set kernel.xdpMode to auto, or use a network card whose driver has XDP");
		find(p, PREFLIGHT_FAIL, n->name, "the driver has no native XDP (%s), and kernel.xdpMode demands it",
		     driver);
	} else if (p->conf->mode == KERN_XDP_GENERIC) {
		find(p, PREFLIGHT_OK, n->name, "XDP would run in generic mode, as configured (%s)", driver);
	} else {
		remedy(p, "nothing is needed; a driver with native XDP is several times faster");
		find(p, PREFLIGHT_WARN, n->name, "XDP would run in generic mode: no native XDP in the driver (%s)",
		     driver);
	}
}

/* Packets longer than a page come in several buffers, which not every driver hands to XDP. */
static void check_buffers(struct preflight *p, const struct nic *n)
{
	bool forced = p->conf->mode == KERN_XDP_NATIVE;

	if (n->mtu <= ATTACH_BUFFER_MTU || p->conf->mode == KERN_XDP_GENERIC || !n->knows_features)
		return;
	if (!(n->features & NIC_RX_SG)) {
		remedy(p, "ip link set dev %s mtu %d, or leave it in generic mode", n->name, ATTACH_BUFFER_MTU);
		find(p, forced ? PREFLIGHT_FAIL : PREFLIGHT_WARN, n->name,
		     "MTU %u needs frames of several buffers, which the driver does not give to XDP: no native mode",
		     n->mtu);
	} else if (!(n->features & NIC_XMIT_SG)) {
		remedy(p, "ip link set dev %s mtu %d", n->name, ATTACH_BUFFER_MTU);
		find(p, PREFLIGHT_WARN, n->name,
		     "MTU %u: the driver receives frames of several buffers, but sends none for other interfaces",
		     n->mtu);
	} else {
		find(p, PREFLIGHT_OK, n->name, "MTU %u: the driver has frames of several buffers", n->mtu);
	}
}

static void check_program(struct preflight *p, const struct nic *n)
{
	if (!n->prog) {
		check_native(p, n);
	} else if (is_ours(p, n)) {
		find(p, PREFLIGHT_OK, n->name, "sluice's program is on it, in %s mode", n->mode);
	} else {
		remedy(p, "take it off: `ip link set dev %s xdp off`, or `bpftool link detach`", n->name);
		find(p, PREFLIGHT_FAIL, n->name, "another XDP program is attached (id %u, %s mode)", n->prog, n->mode);
	}
}

static void check_offloads(struct preflight *p, const struct nic *n)
{
	bool veth = strcmp(n->driver, "veth") == 0;

	if (n->lro) {
		remedy(p, "ethtool -K %s lro off", n->name);
		find(p, PREFLIGHT_WARN, n->name, "LRO is on: XDP cannot run with it, or sees packets glued together");
	}
	if (veth && n->tx_checksum) {
		remedy(p, "ethtool -K %s tx off, and the same at the other end", n->name);
		find(p, PREFLIGHT_WARN, n->name,
		     "veth with tx checksum offload: unfinished checksums cannot be updated and packets get lost");
	}
	if (veth && n->knows_features && !(n->features & NIC_XMIT)) {
		remedy(p, "ethtool -K on the other end: gro on (or any XDP program there)");
		find(p, PREFLIGHT_WARN, n->name, "veth whose other end takes no redirected packets: they would vanish");
	}
	if (!n->lro && !(veth && n->tx_checksum))
		find(p, PREFLIGHT_OK, n->name, "no offload is in the way");
}

/* What people look for and need not: XDP sends packets on before the stack would ask these. */
static void check_stack(struct preflight *p, const struct nic *n)
{
	char path[128];
	long filter;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", n->name);
	filter = read_number(path, 0);
	find(p, PREFLIGHT_OK, n->name,
	     "rp_filter is %ld and does not matter to balanced packets: they do not pass the stack", filter);
}

static void check_interface(struct preflight *p, const char *name)
{
	struct nic *n = &p->nics[p->nnics];
	int r = nic_read(name, n);

	if (r < 0) {
		remedy(p, "correct kernel.interfaces, or wait: it is taken up when it appears");
		find(p, PREFLIGHT_FAIL, name, "%s", r == -ENODEV ? "no such interface" : strerror(-r));
		return;
	}
	p->nnics++;
	if (!n->ethernet) {
		remedy(p, "use an interface with Ethernet frames");
		find(p, PREFLIGHT_FAIL, name, "not an Ethernet interface");
		return;
	}
	if (!n->up)
		remedy(p, "ip link set dev %s up", name);
	find(p, n->up ? PREFLIGHT_OK : PREFLIGHT_FAIL, name, "%s, MTU %u", n->up ? "up" : "down", n->mtu);
	check_program(p, n);
	check_buffers(p, n);
	check_offloads(p, n);
	check_stack(p, n);
}

/* ---- configuration ---- */

static void check_pins(struct preflight *p)
{
	_cleanup_close_ int fd = -1;
	char path[PIN_PATH_MAX];

	if (pin_map_path(p->conf->pin_path, "abi", path) == 0)
		fd = bpf_obj_get(path);
	find(p, PREFLIGHT_OK, p->conf->pin_path, "%s",
	     fd >= 0 ? "has pinned maps, which would be taken over" : "nothing is pinned yet");
}

static void check_ports(struct preflight *p)
{
	char line[64];
	unsigned lo, hi;
	const struct kern_conf *c = p->conf;

	if (!read_line("/proc/sys/net/ipv4/ip_local_port_range", line, sizeof(line)) ||
	    sscanf(line, "%u %u", &lo, &hi) != 2)
		return;
	if (c->snat_port_lo <= hi && lo <= c->snat_port_hi) {
		remedy(p, "set kernel.snat.ports apart from it, or sysctl net.ipv4.ip_local_port_range");
		find(p, PREFLIGHT_WARN, "source ports",
		     "%u-%u overlaps the host's own %u-%u: its connections to backends could be taken for flows",
		     c->snat_port_lo, c->snat_port_hi, lo, hi);
		return;
	}
	find(p, PREFLIGHT_OK, "source ports", "%u-%u are apart from the host's own %u-%u", c->snat_port_lo,
	     c->snat_port_hi, lo, hi);
}

static void check_cookies(struct preflight *p)
{
	if (!p->conf->guard.syn_cookies)
		return;
	if (listener_cookies_ready()) {
		find(p, PREFLIGHT_OK, "SYN cookies", "net.ipv4.tcp_syncookies is 2");
		return;
	}
	remedy(p, "sysctl net.ipv4.tcp_syncookies=2");
	find(p, PREFLIGHT_WARN, "SYN cookies",
	     "net.ipv4.tcp_syncookies is %ld, not 2: the kernel makes none until a listener's queue is full",
	     read_number("/proc/sys/net/ipv4/tcp_syncookies", 0));
}

static void check_vip(struct preflight *p, const struct kern_service *s, const struct ifaddrs *own)
{
	struct endpoint at;
	char text[ENDPOINT_TEXT_MAX];

	endpoint_print(&s->vip, text);
	for (; own; own = own->ifa_next)
		if (own->ifa_addr && endpoint_from_sockaddr(own->ifa_addr, &at) == 0 &&
		    addr_eq(&at.addr, &s->vip.addr)) {
			remedy(p, "fine if it is meant so; else `ip address del` it, and route the VIP here instead");
			find(p, PREFLIGHT_WARN, text,
			     "the VIP is an address of this host (%s): the stack answers for what XDP passes on",
			     own->ifa_name);
			return;
		}
	find(p, PREFLIGHT_OK, text, "VIP of %s", s->name);
}

static const struct nic *nic_of(const struct preflight *p, uint32_t ifindex)
{
	for (size_t i = 0; i < p->nnics; i++)
		if (p->nics[i].ifindex == ifindex)
			return &p->nics[i];
	return NULL;
}

static uint32_t outer_bytes(const struct kern_service *s, const struct addr *to)
{
	uint32_t ip = addr_is_v4(to) ? 20 : 40;

	if (s->forwarding == KERN_GUE)
		return ip + UDP_BYTES;
	return s->forwarding == KERN_IPIP ? ip : 0;
}

/* Room for outer headers: packets as long as the clients' interfaces allow must still fit. */
static void check_room(struct preflight *p, const struct kern_service *s, const struct endpoint *to, const char *at,
		       uint32_t mtu)
{
	uint32_t outer = outer_bytes(s, &to->addr);
	uint32_t most = 0;

	for (size_t i = 0; i < p->nnics; i++)
		most = p->nics[i].mtu > most ? p->nics[i].mtu : most;
	if (most + outer <= mtu || most == 0)
		return;
	remedy(p, "raise the MTU of that way to %u or more%s", most + outer,
	       outer ? ", or lower the clients' (or their MSS)" : "");
	find(p, PREFLIGHT_WARN, at, "packets of up to %u bytes%s do not fit into the MTU %u of the way there", most,
	     outer ? " and their outer headers" : "", mtu);
}

static int resolve(struct preflight *p, const struct addr *to, struct neigh_hop *ret)
{
	const struct timespec pause = { .tv_nsec = NEIGH_PAUSE_NS };
	int r = neigh_lookup(p->neigh, to, ret);

	for (int i = 0; i < NEIGH_TRIES && r == -EAGAIN; i++) {
		nanosleep(&pause, NULL);
		r = neigh_lookup(p->neigh, to, ret);
	}
	return r;
}

static void no_way(struct preflight *p, const char *at, const struct addr *to, int r)
{
	char text[ADDR_TEXT_MAX];

	addr_print(to, text);
	if (r == -EAGAIN) {
		remedy(p, "is the host, or the router on the way to it, up and on that network? `ip neigh get` tells "
			  "more");
		find(p, PREFLIGHT_FAIL, at, "nobody answers ARP on the way to it");
	} else if (r == -EADDRINUSE) {
		remedy(p, "put the server on another host or in a network namespace of its own");
		find(p, PREFLIGHT_FAIL, at, "is an address of this host; XDP cannot send packets to it");
	} else {
		remedy(p, "ip route add %s ...", text);
		find(p, PREFLIGHT_FAIL, at, "no route to it: %s", strerror(-r));
	}
}

/* Health checks by way of the server, as packets go. */
static void check_probe(struct preflight *p, const struct kern_service *s, const struct endpoint *to, const char *at)
{
	char problem[PROBE_TEXT_MAX], todo[PROBE_TEXT_MAX], from[ADDR_TEXT_MAX];
	struct probe_source source;

	if (!s->checked || !kern_is_direct(s->forwarding))
		return;
	if (probe_source_find(p->neigh, &s->vip.addr, &to->addr, &source, problem, todo) == 0) {
		addr_print(&source.from, from);
		find(p, PREFLIGHT_OK, at, "checks would travel as packets do, from %s", from);
		return;
	}
	remedy(p, "%s", todo);
	find(p, PREFLIGHT_WARN, at, "checks would not travel as packets do: %s", problem);
}

static void check_backend(struct preflight *p, const struct kern_service *s, const struct endpoint *to)
{
	char at[ENDPOINT_TEXT_MAX], name[IF_NAMESIZE] = "?";
	struct neigh_hop hop;
	int r = resolve(p, &to->addr, &hop);
	bool direct = s->forwarding == KERN_DSR || s->forwarding == KERN_IPIP || s->forwarding == KERN_GUE;

	endpoint_print(to, at);
	if (r < 0) {
		no_way(p, at, &to->addr, r);
		return;
	}
	(void)if_indextoname(hop.ifindex, name);
	if (!nic_of(p, hop.ifindex) && !direct) {
		remedy(p, "add %s to kernel.interfaces", name);
		find(p, PREFLIGHT_FAIL, at, "its answers come in by %s, which has no program: they would not be seen",
		     name);
		return;
	}
	if (s->forwarding == KERN_DSR && hop.gateway) {
		remedy(p, "use ipip or gue, or put the server on a network of this host");
		find(p, PREFLIGHT_FAIL, at, "dsr needs the server on the same network, and it is behind a router");
		return;
	}
	find(p, PREFLIGHT_OK, at, "reached by %s, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u", name, hop.dmac[0],
	     hop.dmac[1], hop.dmac[2], hop.dmac[3], hop.dmac[4], hop.dmac[5], hop.mtu);
	check_room(p, s, to, at, hop.mtu);
	check_probe(p, s, to, at);
}

static void check_service(struct preflight *p, const struct kern_service *s, const struct ifaddrs *own)
{
	check_vip(p, s, own);
	for (size_t i = 0; p->neigh && i < s->nbackends; i++)
		check_backend(p, s, &s->backends[i].at);
	if (s->nbackends == 0) {
		remedy(p, "give %s servers", s->name);
		find(p, PREFLIGHT_WARN, s->name, "has no servers: every packet to it would be dropped");
	}
}

static void check_conf(struct preflight *p, const struct kern_service *services, size_t n)
{
	struct ifaddrs *own = NULL;
	int r = neigh_open(&p->neigh);

	if (p->conf->ninterfaces == 0) {
		remedy(p, "name them in kernel.interfaces");
		find(p, PREFLIGHT_WARN, "interfaces", "none are configured: the kernel tier stays off");
	}
	p->nics = mem_zalloc((p->conf->ninterfaces + 1) * sizeof(*p->nics));
	for (size_t i = 0; i < p->conf->ninterfaces; i++)
		check_interface(p, p->conf->interfaces[i]);
	find(p, PREFLIGHT_OK, "ip_forward", "is %ld and does not matter: XDP forwards without it",
	     read_number("/proc/sys/net/ipv4/ip_forward", 0));
	check_pins(p);
	check_ports(p);
	check_cookies(p);
	if (r < 0)
		find(p, PREFLIGHT_FAIL, "netlink", "routes cannot be asked for: %s", strerror(-r));
	(void)getifaddrs(&own);
	for (size_t i = 0; i < n; i++)
		check_service(p, &services[i], own);
	freeifaddrs(own);
	neigh_close(&p->neigh);
	free(p->nics);
}

void preflight_run(const struct kern_conf *conf, const struct kern_service *services, size_t n, preflight_fn *fn,
		   void *ctx)
{
	struct preflight p = { .conf = conf, .fn = fn, .ctx = ctx };

	check_rights(&p);
	check_kernel(&p);
	check_kernel_parts(&p);
	if (conf)
		check_conf(&p, services, n);
}
