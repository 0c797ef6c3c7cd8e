/* The rows of tcp.* and udp.*: routers and services of the kernel tier. */
#include <math.h>
#include "model/address.h"
#include "model/conf_dynamic.h"
#include "model/conf_tables.h"

/* ---- checks ---- */

static void check_server(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *text = *(char *const *)value;
	struct endpoint e;

	if (endpoint_parse(str_of(text), &e) || text[0] == ':')
		err_add(c->errs, at, key, "\"%s\" is not valid; expected ip:port, an IPv6 address in brackets", text);
	else if (addr_is_any(&e.addr))
		err_add(c->errs, at, key, "\"%s\" is every address; expected the address of one server", text);
	else if (addr_is_loopback(&e.addr))
		err_add(c->errs, at, key,
			"\"%s\" is a loopback address, which datapath xdp can not send to; expected an address that "
			"a network interface leads to",
			text);
}

/* ---- routers ---- */

const char *const conf_rule_syntaxes[] = { "default", "v3", "v2", NULL };

#define T struct router_conf
static const struct opt tcp_router_rows[] = {
	{ .name = "entryPoints",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, entry_points),
	  .example = "[db]",
	  .doc = CONF_DOC_ENTRY_POINTS },
	{ .name = "rule",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, rule),
	  .place_at = offsetof(T, rule_at),
	  .flags = OPT_REQUIRED,
	  .example = "\"HostSNI(`*`)\"",
	  .doc = "Which connections the router takes. HostSNI(`*`) takes all of them, and is the only rule that "
		 "datapath xdp can follow: it forwards packets without looking into them." },
	{ .name = "ruleSyntax",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, rule_syntax),
	  .def = "default",
	  .choices = conf_rule_syntaxes,
	  .doc = CONF_DOC_RULE_SYNTAX },
	{ .name = "priority",
	  .kind = OPT_INT,
	  .offset = offsetof(T, priority),
	  .check = conf_check_priority,
	  .doc = CONF_DOC_PRIORITY },
	{ .name = "service",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, service),
	  .flags = OPT_REQUIRED,
	  .example = "db",
	  .doc = CONF_DOC_SERVICE },
	{ 0 },
};
static const char *const tcp_router_unsupported[] = { "tls", "middlewares", NULL };
static const struct opt_table tcp_router_table = { .rows = tcp_router_rows,
						   .size = sizeof(T),
						   .place_offset = offsetof(T, at),
						   .unsupported = tcp_router_unsupported,
						   .doc = "Takes TCP connections that match its rule to a service." };

static const struct opt udp_router_rows[] = {
	{ .name = "entryPoints",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, entry_points),
	  .example = "[dns]",
	  .doc = "Names of the UDP entry points the router listens to. Without it the router is attached to all of "
		 "them. One router can have an entry point; there is nothing in a datagram to choose by." },
	{ .name = "service",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, service),
	  .flags = OPT_REQUIRED,
	  .example = "dns",
	  .doc = CONF_DOC_SERVICE },
	{ 0 },
};
static const struct opt_table udp_router_table = { .rows = udp_router_rows,
						   .size = sizeof(T),
						   .place_offset = offsetof(T, at),
						   .doc = "Takes the datagrams of an entry point to a service." };
#undef T

/* ---- services ---- */

#define T struct l4_server_conf
#define SERVER_ROWS(port, more)                                                                                      \
	{                                                                                                            \
		{ .name = "address",                                                                                 \
		  .kind = OPT_STRING,                                                                                \
		  .offset = offsetof(T, address),                                                                    \
		  .check = check_server,                                                                             \
		  .flags = OPT_REQUIRED,                                                                             \
		  .example = "\"198.18.1.11:" port "\"",                                                             \
		  .doc = "Where the server is, as ip:port, an IPv6 address in brackets. Names are not looked up "    \
			 "here, because "                                                                            \
			 "the kernel tier balances over exactly these addresses. Port 0 is the one that the client " \
			 "asked for, with an entry point of several ports." },                                       \
			{ .name = "weight",                                                                          \
			  .kind = OPT_INT,                                                                           \
			  .offset = offsetof(T, weight),                                                             \
			  .def = "1",                                                                                \
			  .max = 65535,                                                                              \
			  .doc = CONF_DOC_WEIGHT },                                                                  \
			more{ 0 },                                                                                   \
	}
#define NO_ROWS
#define QUIC_ID_ROW                                                                                                  \
	{ .name = "serverId",                                                                                        \
	  .kind = OPT_STRING,                                                                                        \
	  .offset = offsetof(T, quic_id),                                                                            \
	  .example = "\"0a1b\"",                                                                                     \
	  .doc = "What QUIC connection ids call this server, in hexadecimal digits: as many bytes as the service's " \
		 "quic.serverIdLength says. The server must make its ids accordingly. Not part of Traefik." },
static const struct opt tcp_server_rows[] = SERVER_ROWS("5432", NO_ROWS);
static const struct opt udp_server_rows[] = SERVER_ROWS("53", QUIC_ID_ROW);
static const char *const tcp_server_unsupported[] = { "tls", NULL };
static const struct opt_table tcp_server_table = { .rows = tcp_server_rows,
						   .size = sizeof(T),
						   .place_offset = offsetof(T, at),
						   .unsupported = tcp_server_unsupported,
						   .doc = "One server of a TCP service." };
static const struct opt_table udp_server_table = { .rows = udp_server_rows,
						   .size = sizeof(T),
						   .place_offset = offsetof(T, at),
						   .doc = "One server of a UDP service." };
#undef T

#define T struct tcp_health_conf
static const struct opt health_rows[] = {
	{ .name = "port",
	  .kind = OPT_INT,
	  .offset = offsetof(T, port),
	  .max = 65535,
	  .doc = "The port of the check when it differs from the server's; 0 means the server's." },
	{ .name = "interval",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, interval_ns),
	  .def = "30s",
	  .min = 1e6,
	  .max = INFINITY,
	  .doc = CONF_DOC_INTERVAL },
	{ .name = "unhealthyInterval",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, unhealthy_interval_ns),
	  .max = INFINITY,
	  .doc = CONF_DOC_UNHEALTHY_INTERVAL },
	{ .name = "timeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, timeout_ns),
	  .def = "5s",
	  .min = 1e6,
	  .max = INFINITY,
	  .doc = "How long one check may take, from connecting to the last byte that is expected. Longer counts as "
		 "a failure." },
	{ .name = "send",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, send),
	  .example = "\"PING\\r\\n\"",
	  .doc = "Bytes that are sent after connecting. Without it connecting alone is the check, or what the "
		 "server says first." },
	{ .name = "expect",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, expect),
	  .example = "\"+PONG\"",
	  .doc = "Bytes that the server must answer with, compared from the first one it sends. Without it nothing "
		 "is read." },
	{ .name = "healthyThreshold",
	  .kind = OPT_INT,
	  .offset = offsetof(T, healthy_threshold),
	  .def = "1",
	  .min = 1,
	  .max = 1000,
	  .doc = CONF_DOC_HEALTHY_THRESHOLD },
	{ .name = "unhealthyThreshold",
	  .kind = OPT_INT,
	  .offset = offsetof(T, unhealthy_threshold),
	  .def = "1",
	  .min = 1,
	  .max = 1000,
	  .doc = CONF_DOC_UNHEALTHY_THRESHOLD },
	{ 0 },
};
static const struct opt_table health_table = {
	.rows = health_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.doc = "Connects to every server at intervals. One that fails gets no new connections until it accepts "
	       "again; the kernel tier's table is rebuilt without it. Servers count as healthy until the first "
	       "check says otherwise. With forwarding dsr, ipip and gue a check connects to the entry point's "
	       "address (the first one's, if there are several) by way of the server, as clients' packets do, so "
	       "it fails, too, where nothing unpacks them or the address is missing. Where this host cannot do "
	       "that, the log says why, and the server's own address is checked."
};
#undef T

static const char *const datapaths[] = { "xdp", NULL };
static const char *const trackings[] = { "changes", "always", NULL };
static const char *const forwardings[] = { "snat", "dnat", "dsr", "ipip", "gue", NULL };

#define DOC_SERVERS                                                                                                   \
	"The servers that share the flows. With none, or none that is healthy, packets of new flows are dropped and " \
	"counted."
#define DOC_DATAPATH                                                                                                  \
	"Which tier forwards. xdp: packets are rewritten and sent on at the network driver and never reach a socket " \
	"of this host. Not "                                                                                          \
	"part of Traefik."
#define DOC_FORWARDING                                                                                                 \
	"How packets reach the servers. snat: both addresses are rewritten, so the server answers to this host, "      \
	"whatever its routes; it sees this host's address instead of the client's. dnat: only the destination is "     \
	"rewritten, so the server sees the client; its way back to clients must lead through this host. dsr: only "    \
	"the "                                                                                                         \
	"MAC addresses change; ipip, gue: the packet travels inside another one (IPv4, or IPv4 and UDP port 6080). "   \
	"With "                                                                                                        \
	"the last three the server has the entry point's address as one of its own (on lo), takes packets as the "     \
	"client "                                                                                                      \
	"sent them, so its port must be the entry point's, and answers the client itself, past this host. Servers of " \
	"dsr must be on a network of this host; those of ipip and gue need something that unpacks. Not part of "       \
	"Traefik."

#define DOC_TRACKING                                                                                                   \
	"Which flows the kernel tier remembers when packets leave as they came (dsr, ipip, gue). changes: only those " \
	"that a change of servers or weights would have moved; all others follow from the table, which costs no "      \
	"memory and a fraction of the time. always: each. With snat and dnat each is remembered anyway. Not part of "  \
	"Traefik."
#define DOC_AFFINITY                                                                                                  \
	"For how long all flows of a client address go to the server that the last one went to, counted from when "   \
	"the client was last heard of. 0: every flow goes its own way. A server that is down keeps nobody. Not part " \
	"of Traefik."

#define T struct l4_quic_conf
static const struct opt quic_rows[] = {
	{ .name = "serverIdLength",
	  .kind = OPT_INT,
	  .offset = offsetof(T, length),
	  .flags = OPT_REQUIRED,
	  .min = 1,
	  .max = 8,
	  .example = "2",
	  .doc = "Bytes of a server's id in connection ids. Every server needs its own as serverId." },
	{ .name = "configId",
	  .kind = OPT_INT,
	  .offset = offsetof(T, config_id),
	  .def = "0",
	  .max = 6,
	  .doc = "The configuration id in the first three bits of connection ids that carry a server id. All other "
		 "packets go by addresses and ports." },
	{ 0 },
};
static const struct opt_table quic_table = {
	.rows = quic_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.doc = "How to read connection ids: in plain text, as draft-ietf-quic-load-balancers has it (section 4)."
};
#undef T

#define T struct l4_lb_conf
#define LB_ROWS(servers_table)                                                                            \
	{ .name = "servers",                                                                              \
	  .kind = OPT_LIST,                                                                               \
	  .offset = offsetof(T, servers),                                                                 \
	  .table = &servers_table,                                                                        \
	  .doc = DOC_SERVERS },                                                                           \
		{ .name = "datapath",                                                                     \
		  .kind = OPT_ENUM,                                                                       \
		  .offset = offsetof(T, datapath),                                                        \
		  .def = "xdp",                                                                           \
		  .choices = datapaths,                                                                   \
		  .doc = DOC_DATAPATH },                                                                  \
		{ .name = "forwarding",                                                                   \
		  .kind = OPT_ENUM,                                                                       \
		  .offset = offsetof(T, forwarding),                                                      \
		  .def = "snat",                                                                          \
		  .choices = forwardings,                                                                 \
		  .doc = DOC_FORWARDING },                                                                \
		{ .name = "tracking",                                                                     \
		  .kind = OPT_ENUM,                                                                       \
		  .offset = offsetof(T, tracking),                                                        \
		  .def = "changes",                                                                       \
		  .choices = trackings,                                                                   \
		  .doc = DOC_TRACKING },                                                                  \
	{                                                                                                 \
		.name = "affinity", .kind = OPT_DURATION, .offset = offsetof(T, affinity_ns), .def = "0", \
		.max = 65535 * 1e9, .doc = DOC_AFFINITY                                                   \
	}
static const struct opt tcp_lb_rows[] = {
	LB_ROWS(tcp_server_table),
	{ .name = "healthCheck",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, health_check),
	  .table = &health_table,
	  .doc = "Connects to the servers to see whether they accept. Without it every server counts as healthy "
		 "for ever." },
	{ 0 },
};
static const struct opt udp_lb_rows[] = {
	LB_ROWS(udp_server_table),
	{ .name = "quic",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, quic),
	  .table = &quic_table,
	  .doc = "Sends QUIC packets by the connection id that their server chose, so that a client that changes its "
		 "address stays with its server. Not part of Traefik." },
	{ 0 },
};
static const char *const tcp_lb_unsupported[] = { "serversTransport", "proxyProtocol", "terminationDelay", NULL };
static const struct opt_table tcp_lb_table = {
	.rows = tcp_lb_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.unsupported = tcp_lb_unsupported,
	.doc = "Shares connections out over servers, in proportion to their weights (Maglev)."
};
static const struct opt_table udp_lb_table = {
	.rows = udp_lb_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.doc = "Shares sessions out over servers, in proportion to their weights (Maglev)."
};
#undef T

#define T struct l4_service_conf
#define SERVICE_ROWS(lb_table)                                                \
	{                                                                     \
		{ .name = "loadBalancer",                                     \
		  .kind = OPT_OPTIONAL,                                       \
		  .offset = offsetof(T, load_balancer),                       \
		  .table = &lb_table,                                         \
		  .flags = OPT_REQUIRED,                                      \
		  .doc = "Servers and how flows are shared out over them." }, \
			{ 0 },                                                \
	}
static const struct opt tcp_service_rows[] = SERVICE_ROWS(tcp_lb_table);
static const struct opt udp_service_rows[] = SERVICE_ROWS(udp_lb_table);
static const char *const service_unsupported[] = { "weighted", NULL };
static const struct opt_table tcp_service_table = { .rows = tcp_service_rows,
						    .size = sizeof(T),
						    .place_offset = offsetof(T, at),
						    .unsupported = service_unsupported,
						    .doc = "What takes TCP connections." };
static const struct opt_table udp_service_table = { .rows = udp_service_rows,
						    .size = sizeof(T),
						    .place_offset = offsetof(T, at),
						    .unsupported = service_unsupported,
						    .doc = "What takes datagrams." };
#undef T

/* ---- tcp, udp ---- */

#define T struct l4_conf
static const struct opt tcp_rows[] = {
	{ .name = "routers",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, routers),
	  .table = &tcp_router_table,
	  .example = "db",
	  .doc = "TCP routers by name." },
	{ .name = "services",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, services),
	  .table = &tcp_service_table,
	  .example = "db",
	  .doc = "TCP services by name." },
	{ 0 },
};
static const struct opt udp_rows[] = {
	{ .name = "routers",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, routers),
	  .table = &udp_router_table,
	  .example = "dns",
	  .doc = "UDP routers by name." },
	{ .name = "services",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, services),
	  .table = &udp_service_table,
	  .example = "dns",
	  .doc = "UDP services by name." },
	{ 0 },
};
static const char *const tcp_unsupported[] = { "middlewares", "serversTransports", NULL };
const struct opt_table conf_tcp_table = { .rows = tcp_rows,
					  .size = sizeof(T),
					  .place_offset = OPT_NO_PLACE,
					  .unsupported = tcp_unsupported,
					  .doc = "TCP connections, forwarded packet by packet." };
const struct opt_table conf_udp_table = {
	.rows = udp_rows, .size = sizeof(T), .place_offset = OPT_NO_PLACE, .doc = "UDP datagrams, forwarded one by one."
};
#undef T
