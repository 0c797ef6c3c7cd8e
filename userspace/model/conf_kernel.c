/* The rows of kernel and control: sluice's own start-up options, which Traefik has not. */
#include <math.h>
#include <net/if.h>
#include "base/num.h"
#include "base/prefix.h"
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

static void check_prefixes(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;
	struct prefix p;

	for (size_t i = 0; i < l->n; i++)
		if (prefix_parse(str_of(l->v[i]), &p) < 0)
			err_add(c->errs, at, key,
				"\"%s\" is not valid; expected an address or a prefix, such as 192.0.2.0/24 or "
				"2001:db8::/32",
				l->v[i]);
}

static void check_protection(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct protection_conf *p = value;

	if (p->packets_burst && !p->packets_per_second)
		err_add(c->errs, at, key, "packetsBurst is given without packetsPerSecond");
	if (p->connections_burst && !p->connections_per_second)
		err_add(c->errs, at, key, "connectionsBurst is given without connectionsPerSecond");
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

#define RATE_MAX 100000000
#define T	 struct protection_conf
static const struct opt protection_rows[] = {
	{ .name = "allow",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, allow),
	  .check = check_prefixes,
	  .flags = OPT_STATIC,
	  .doc = "Source addresses and prefixes that may send to virtual addresses. With this or allowFile, packets of "
		 "all "
		 "others are dropped and counted as not_allowed; ICMP is let through, since errors come from routers "
		 "that "
		 "no list of clients names. What is said of IPv6 (::/0) is not said of IPv4." },
	{ .name = "deny",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, deny),
	  .check = check_prefixes,
	  .flags = OPT_STATIC,
	  .doc = "Source addresses and prefixes whose packets to virtual addresses are dropped, established "
		 "connections "
		 "included, and counted as denied. It beats allow, whichever is the more specific." },
	{ .name = "allowFile",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, allow_file),
	  .place_at = offsetof(T, allow_file_at),
	  .flags = OPT_STATIC,
	  .doc = "A file with more prefixes for allow, one per line, up to a million; blank lines and what follows a # "
		 "are "
		 "left out. It is read at the start and again at SIGHUP, when the new lists take effect as a whole; it "
		 "is "
		 "not watched. A file with a broken line, or without any prefix, is refused and the lists stay as they "
		 "were." },
	{ .name = "denyFile",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, deny_file),
	  .place_at = offsetof(T, deny_file_at),
	  .flags = OPT_STATIC,
	  .doc = "The same for deny. It may be empty." },
	{ .name = "packetsPerSecond",
	  .kind = OPT_INT,
	  .offset = offsetof(T, packets_per_second),
	  .def = "0",
	  .max = RATE_MAX,
	  .flags = OPT_STATIC,
	  .doc = "How many packets a source address (an IPv6 /64) may send to virtual addresses per second; the rest "
		 "is "
		 "dropped and counted as rate_packets. 0 sets no limit and costs nothing." },
	{ .name = "packetsBurst",
	  .kind = OPT_INT,
	  .offset = offsetof(T, packets_burst),
	  .def = "0",
	  .max = RATE_MAX,
	  .flags = OPT_STATIC,
	  .doc = "How many it may send at once after it was silent. 0 takes packetsPerSecond. What arrives at that "
		 "rate in "
		 "one tick of the kernel's clock is always let through." },
	{ .name = "connectionsPerSecond",
	  .kind = OPT_INT,
	  .offset = offsetof(T, connections_per_second),
	  .def = "0",
	  .max = RATE_MAX,
	  .flags = OPT_STATIC,
	  .doc = "How many connections (TCP SYN, or the first datagram of a UDP session) a source address may begin "
		 "per "
		 "second; the rest is dropped and counted as rate_connections. 0 sets no limit and costs nothing." },
	{ .name = "connectionsBurst",
	  .kind = OPT_INT,
	  .offset = offsetof(T, connections_burst),
	  .def = "0",
	  .max = RATE_MAX,
	  .flags = OPT_STATIC,
	  .doc = "How many it may begin at once after it was silent. 0 takes connectionsPerSecond." },
	{ .name = "maxSources",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_sources),
	  .def = "65536",
	  .min = 64,
	  .max = 16777216,
	  .flags = OPT_STATIC,
	  .doc = "How many sources the limits keep account of at a time. Those that have not sent for longer than it "
		 "takes "
		 "to win back their burst need no account. A source for which there is no room is not limited; such "
		 "packets "
		 "are counted in sluice_kernel_untracked_packets_total. Each takes about 30 bytes, and only if there "
		 "is a "
		 "limit." },
	{ .name = "synCookies",
	  .kind = OPT_INT,
	  .offset = offsetof(T, syn_cookies),
	  .def = "0",
	  .max = RATE_MAX,
	  .flags = OPT_STATIC,
	  .doc = "How many TCP SYNs per second to the agent's own entry points, over all CPUs, go to the stack; the "
		 "rest is answered by the kernel tier with SYN cookies, which take no memory, and counted as "
		 "cookie_sent. Each CPU judges by its share. It needs net.ipv4.tcp_syncookies=2. Connections that "
		 "begin "
		 "with a cookie have no window scaling and no selective acknowledgments, so set it above what is "
		 "usual. "
		 "0 sends none and costs nothing." },
	{ 0 },
};
static const struct opt_table protection_table = { .rows = protection_rows,
						   .size = sizeof(T),
						   .place_offset = OPT_NO_PLACE,
						   .check = check_protection,
						   .doc = "Who may send to the virtual addresses of the kernel tier, "
							  "and how much. Packets to other addresses are not "
							  "looked at. What is not used is not in the program." };
#undef T

/* Tables that the kernel has for itself (rtnetlink.h). */
#define RT_TABLE_FIRST 253
#define RT_TABLE_LAST  255

static void check_table(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	int64_t n = *(const int64_t *)value;

	if (n >= RT_TABLE_FIRST && n <= RT_TABLE_LAST)
		err_add(c->errs, at, key, "%lld is a table of the system's own; expected one that nothing else uses",
			(long long)n);
}

#define T struct probes_conf
static const struct opt probes_rows[] = {
	{ .name = "mark",
	  .kind = OPT_INT,
	  .offset = offsetof(T, mark),
	  .def = "20942",
	  .min = 1,
	  .max = 65535,
	  .flags = OPT_STATIC,
	  .doc = "The upper 16 bits of the packet marks (20942 is 0x51ce): a rule takes packets with "
		 "mark 0x51ce0000/0xffff0000 to the table. Nothing else on this host may use marks with these "
		 "bits." },
	{ .name = "table",
	  .kind = OPT_INT,
	  .offset = offsetof(T, table),
	  .def = "20942",
	  .min = 1,
	  .max = 4294967295.0,
	  .check = check_table,
	  .flags = OPT_STATIC,
	  .doc = "The number of the routing table. Nothing else on this host may use it." },
	{ .name = "priority",
	  .kind = OPT_INT,
	  .offset = offsetof(T, priority),
	  .def = "900",
	  .min = 1,
	  .max = 32765,
	  .flags = OPT_STATIC,
	  .doc = "Where among the routing rules (`ip rule`) the one for these packets stands: before any that could "
		 "take them elsewhere." },
	{ 0 },
};
static const struct opt_table probes_table = {
	.rows = probes_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.doc = "Health checks of services with forwarding dsr, ipip or gue travel "
	       "as their packets do. They are told apart by a packet mark, "
	       "for which there is a routing rule and a table as long as there "
	       "are such checks. Two instances in one network namespace need "
	       "different marks and tables."
};
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
		 "each one in use takes six bytes per row of its Maglev table besides." },
	{ .name = "maxBackends",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_backends),
	  .def = "4096",
	  .min = 1,
	  .max = 32766,
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
		 "percent. Each row takes six bytes." },
	{ .name = "udpTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, udp_timeout_ns),
	  .def = "30s",
	  .min = SECOND,
	  .max = 86400 * SECOND,
	  .flags = OPT_STATIC,
	  .doc = "How long the kernel tier remembers a UDP session after its last datagram. A datagram after that "
		 "may go to another backend and leaves from another port." },
	{ .name = "tcpTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, tcp_timeout_ns),
	  .def = "2h4m",
	  .min = SECOND,
	  .max = 18 * 3600 * SECOND,
	  .flags = OPT_STATIC,
	  .doc = "How long the kernel tier counts on a silent connection (RFC 5382 REQ-5): after that its source port "
		 "may be taken, and a change of servers need not be remembered for its sake." },
	{ .name = "tcpOpeningTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, tcp_opening_ns),
	  .def = "30s",
	  .min = SECOND,
	  .max = 3600 * SECOND,
	  .flags = OPT_STATIC,
	  .doc = "The same for a connection whose handshake was never finished." },
	{ .name = "tcpClosedTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, tcp_closed_ns),
	  .def = "1s",
	  .min = SECOND,
	  .max = 3600 * SECOND,
	  .flags = OPT_STATIC,
	  .doc = "The same for a connection that was closed or reset." },
	{ .name = "hashSecret",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, hash_secret),
	  .flags = OPT_STATIC | OPT_SECRET,
	  .doc = "Words that the flow hash is keyed with, so that nobody can choose ports by which all flows meet at "
		 "one server. Nodes that share virtual addresses need the same ones, to send every flow to the same "
		 "server. Without it the key is a public one. Another secret moves flows and needs fresh maps." },
	{ .name = "answerPing",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, answer_ping),
	  .def = "false",
	  .flags = OPT_STATIC,
	  .doc = "Whether echo requests to virtual addresses are answered, by the kernel tier itself and at a bounded "
		 "rate. Else they go to the stack, which has no such address." },
	{ .name = "snat",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, snat),
	  .table = &snat_table,
	  .doc = "Source ports for services with forwarding snat." },
	{ .name = "protection",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, protection),
	  .table = &protection_table,
	  .doc = "Allow and deny lists, and limits per source." },
	{ .name = "probes",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, probes),
	  .table = &probes_table,
	  .doc = "How health checks find the way that packets take." },
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
