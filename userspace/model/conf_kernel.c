/* The rows of kernel and control: sluice's own start-up options, which Traefik has not. */
#include <math.h>
#include <net/if.h>
#include "base/num.h"
#include "model/conf_static.h"
#include "model/conf_tables.h"

#define SECOND 1e9

static void check_absolute(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *path = *(char *const *)value;

	if (path && path[0] != '/')
		err_add(c->errs, at, key, "\"%s\" is not valid; expected an absolute path", path);
}

static void check_interfaces(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;

	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(l->v[i]);

		if (!n || n >= IFNAMSIZ || strpbrk(l->v[i], "/ :"))
			err_add(c->errs, at, key,
				"\"%s\" is not valid; expected the name of a network interface, at most %d characters",
				l->v[i], IFNAMSIZ - 1);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(l->v[k], l->v[i]))
				err_add(c->errs, at, key, "interface \"%s\" is listed twice", l->v[i]);
	}
}

static bool is_prime(uint64_t n)
{
	if (n < 2)
		return false;
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return true;
}

static void check_prime(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	uint64_t n = *(const uint64_t *)value, below = n, above = n;

	if (is_prime(n))
		return;
	while (!is_prime(below))
		below--;
	while (!is_prime(above))
		above++;
	err_add(c->errs, at, key, "%llu is not a prime number; the nearest are %llu and %llu", (unsigned long long)n,
		(unsigned long long)below, (unsigned long long)above);
}

static void check_ports(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	struct str lo, hi = str_cut(str_of(*(char *const *)value), '-', &lo);
	uint64_t a, b;

	if (!hi.p || num_u64(str_trim(lo), &a) || num_u64(str_trim(hi), &b) || a < 1024 || b > 65535 || a > b)
		err_add(c->errs, at, key,
			"\"%s\" is not valid; expected two ports as low-high, from 1024 to 65535, such as 10000-32767",
			*(char *const *)value);
}

static void check_kernel(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct kernel_conf *k = value;

	if (k->maglev_size <= k->max_backends / 8)
		err_add(c->errs, at, key,
			"maglevSize %llu is too small to share rows out fairly; expected far more rows than a service "
			"has "
			"backends (maxBackends is %llu)",
			(unsigned long long)k->maglev_size, (unsigned long long)k->max_backends);
}

static const char *const xdp_modes[] = { "auto", "native", "generic", NULL };
static const char *const on_exits[] = { "detach", "keep", NULL };

#define T struct kernel_snat_conf
static const struct opt snat_rows[] = {
	{ .name = "ports",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, ports),
	  .def = "10000-32767",
	  .check = check_ports,
	  .flags = OPT_STATIC,
	  .doc = "The source ports, low-high, that the kernel tier uses towards backends. They must not overlap "
		 "the ports that this host uses for connections of its own (net.ipv4.ip_local_port_range, by "
		 "default from 32768), or the host would be sent answers that belong to flows. Their number, per "
		 "backend and address of this host, bounds the flows at one time." },
	{ 0 },
};
static const struct opt_table snat_table = { .rows = snat_rows,
					     .size = sizeof(T),
					     .place_offset = OPT_NO_PLACE,
					     .doc = "Address translation of the kernel tier." };
#undef T

#define T struct kernel_conf
static const struct opt kernel_rows[] = {
	{ .name = "interfaces",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, interfaces),
	  .check = check_interfaces,
	  .flags = OPT_STATIC,
	  .example = "[eth0]",
	  .doc = "The network interfaces at which the XDP program is attached: those that clients' packets arrive "
		 "at and those that backends' answers arrive at. One that does not exist is reported and passed "
		 "over; with none the kernel tier stays off." },
	{ .name = "xdpMode",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, xdp_mode),
	  .def = "auto",
	  .choices = xdp_modes,
	  .flags = OPT_STATIC,
	  .doc = "How the program is attached. native runs in the driver, before the kernel allocates anything for "
		 "the packet; generic runs after that with any driver and costs several times as much; auto takes "
		 "native where the driver has it, else generic, and the log says which." },
	{ .name = "pinPath",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, pin_path),
	  .def = "/sys/fs/bpf/sluice",
	  .check = check_absolute,
	  .flags = OPT_STATIC,
	  .doc = "The directory of the BPF file system in which programs and maps are pinned. Packets keep being "
		 "forwarded through them when the process is killed, and the next start takes them over with the "
		 "flows in them. Two instances need two paths." },
	{ .name = "onExit",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, on_exit),
	  .def = "detach",
	  .choices = on_exits,
	  .flags = OPT_STATIC,
	  .doc = "What an orderly stop does with the kernel tier. detach takes the program off the interfaces and "
		 "removes the pins; keep leaves all in force for the next start, so that a restart loses no packet." },
	{ .name = "maxServices",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_services),
	  .def = "512",
	  .min = 1,
	  .max = 65535,
	  .flags = OPT_STATIC,
	  .doc = "The number of addresses with port and protocol that the kernel tier can serve. It sizes a map; "
		 "each one in use takes two bytes per row of its Maglev table besides." },
	{ .name = "maxBackends",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_backends),
	  .def = "4096",
	  .min = 1,
	  .max = 65534,
	  .flags = OPT_STATIC,
	  .doc = "The number of backends over all services of the kernel tier, those that drain included. It sizes "
		 "a map." },
	{ .name = "maxFlows",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_flows),
	  .def = "262144",
	  .min = 1024,
	  .max = 67108864,
	  .flags = OPT_STATIC,
	  .doc = "The number of connections and UDP sessions that the kernel tier remembers. When the table is "
		 "full the one that was silent longest is forgotten. The memory is taken at the start, about 220 "
		 "bytes for each." },
	{ .name = "maglevSize",
	  .kind = OPT_INT,
	  .offset = offsetof(T, maglev_size),
	  .def = "65537",
	  .min = 251,
	  .max = 131071,
	  .check = check_prime,
	  .flags = OPT_STATIC,
	  .doc = "Rows of each service's Maglev table, a prime number. More rows follow the weights more closely "
		 "and move fewer flows when backends change; a hundred rows per backend keep shares within one "
		 "percent. Each row takes two bytes." },
	{ .name = "udpTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, udp_timeout_ns),
	  .def = "30s",
	  .min = SECOND,
	  .max = 86400 * SECOND,
	  .flags = OPT_STATIC,
	  .doc = "How long the kernel tier remembers a UDP session after its last datagram. A datagram after that "
		 "may go to another backend and leaves from another port." },
	{ .name = "snat",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, snat),
	  .table = &snat_table,
	  .doc = "Source ports for services with forwarding snat." },
	{ 0 },
};
const struct opt_table conf_kernel_table = { .rows = kernel_rows,
					     .size = sizeof(T),
					     .place_offset = offsetof(T, at),
					     .check = check_kernel,
					     .doc = "The kernel tier: services with datapath xdp are forwarded "
						    "before packets reach a socket. Not part of Traefik." };
#undef T

#define T struct control_conf
static const struct opt control_rows[] = {
	{ .name = "socket",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, socket),
	  .def = "/run/sluice/control.sock",
	  .check = check_absolute,
	  .flags = OPT_STATIC,
	  .doc = "The unix socket over which `sluice status` asks the running agent. Only root and the agent's own "
		 "user may open it. Two instances on one host need two paths." },
	{ 0 },
};
const struct opt_table conf_control_table = { .rows = control_rows,
					      .size = sizeof(T),
					      .place_offset = OPT_NO_PLACE,
					      .doc = "The way in for sluice's own commands. Not part of Traefik." };
#undef T
