/* The rows of entryPoints.<name>. */
#include <math.h>
#include "model/address.h"
#include "model/conf_static.h"
#include "model/conf_tables.h"

#define MIB 1048576.0

static void check_address(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *text = *(char *const *)value, *why = address_problem(text);

	if (why)
		err_add(c->errs, at, key,
			"\"%s\" is not valid: %s; expected [host]:port, [host]:port/tcp or [host]:port/udp", text, why);
}

static void check_prefixes(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;
	struct addr a;
	unsigned bits;

	for (size_t i = 0; i < l->n; i++)
		if (address_parse_prefix(str_of(l->v[i]), &a, &bits))
			err_add(c->errs, at, key,
				"\"%s\" is not valid; expected an IP address or a prefix such as 10.0.0.0/8", l->v[i]);
}

#define T struct lifecycle_conf
static const struct opt lifecycle_rows[] = {
	{ .name = "requestAcceptGraceTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, request_accept_grace_ns),
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long the entry point keeps accepting after it was told to stop, while the ping answer "
		 "already says that this instance is going away. It gives the balancer in front time to look "
		 "elsewhere. 0 stops accepting at once." },
	{ .name = "graceTimeOut",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, grace_ns),
	  .def = "10s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long requests that were in flight when accepting stopped may still take. After it their "
		 "connections are closed. Ten seconds is what most orchestrators leave a process before they kill "
		 "it." },
	{ 0 },
};
static const struct opt_table lifecycle_table = { .rows = lifecycle_rows,
						  .size = sizeof(T),
						  .place_offset = OPT_NO_PLACE,
						  .doc = "What happens between the order to stop and the end." };
#undef T

#define T struct timeouts_conf
static const struct opt responding_rows[] = {
	{ .name = "readTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, read_ns),
	  .def = "60s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a client may take to send a whole request, its body included. A slow sender costs a "
		 "connection and nothing else, but only this limit gives the connection back. Long uploads over "
		 "slow links need more; 0 means no limit." },
	{ .name = "writeTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, write_ns),
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long may pass from the end of the request's head to the end of the response. It also cuts "
		 "long downloads and event streams, which is why 0, no limit, is the default." },
	{ .name = "idleTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, idle_ns),
	  .def = "180s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a keep-alive connection may stay without a request before it is closed. Longer saves "
		 "clients handshakes, shorter saves descriptors and memory here. 0 means no limit of its own." },
	{ .name = "handshakeTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, handshake_ns),
	  .def = "10s",
	  .min = 1e6,
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a TLS handshake may take from the client's first message on. Not part of Traefik, where "
		 "readTimeout is the limit." },
	{ .name = "bodyIdleTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, body_idle_ns),
	  .def = "60s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a client may pause within its request's body, and how long it may take none of a response "
		 "that waits for it. Unlike the two limits above it does not cut long transfers that move. Not an "
		 "option "
		 "of Traefik; 0 means no limit." },
	{ 0 },
};
static const struct opt_table responding_table = { .rows = responding_rows,
						   .size = sizeof(T),
						   .place_offset = OPT_NO_PLACE,
						   .doc = "How long one client may take over one exchange." };
#undef T

#define T struct transport_conf
static const struct opt transport_rows[] = {
	{ .name = "lifeCycle",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, life_cycle),
	  .table = &lifecycle_table,
	  .doc = "The end of the process: how long it still accepts, how long it still answers." },
	{ .name = "respondingTimeouts",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, responding),
	  .table = &responding_table,
	  .doc = "Limits on how long a client may take to send, to receive and to stay silent." },
	{ .name = "keepAliveMaxTime",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, keep_alive_max_time_ns),
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "Age at which a client connection is closed after its next response. It makes long-lived clients "
		 "come back through the balancer in front and so spreads them over new instances. 0 means that age "
		 "alone closes nothing." },
	{ .name = "keepAliveMaxRequests",
	  .kind = OPT_INT,
	  .offset = offsetof(T, keep_alive_max_requests),
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "Number of requests after which a client connection is closed, the response to the last one "
		 "saying so. 0 means that their number alone closes nothing." },
	{ .name = "tunnelIdleTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, tunnel_idle_ns),
	  .def = "1h",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a WebSocket, or any connection that changed its protocol by Upgrade, may pass nothing in "
		 "either direction before both its ends are closed. Pings of the application count as traffic. Not an "
		 "option of Traefik, whose tunnels live until one end leaves; 0 does the same." },
	{ 0 },
};
static const struct opt_table transport_table = { .rows = transport_rows,
						  .size = sizeof(T),
						  .place_offset = OPT_NO_PLACE,
						  .doc = "Connections of one entry point: their times, their ends." };
#undef T

#define T struct forwarded_conf
static const struct opt forwarded_rows[] = {
	{ .name = "insecure",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, insecure),
	  .flags = OPT_STATIC,
	  .doc = "Keeps the X-Forwarded headers of every client instead of replacing them. Anybody can then claim "
		 "any address, so this is for networks where only your own proxies reach the entry point; "
		 "trustedIPs is the better way." },
	{ .name = "trustedIPs",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, trusted_ips),
	  .check = check_prefixes,
	  .flags = OPT_STATIC,
	  .example = "[127.0.0.1/32, \"fd00::/8\"]",
	  .doc = "IP addresses and prefixes of the proxies in front. Only requests that arrive from them keep "
		 "their X-Forwarded headers; from anybody else the headers are removed and written anew from what "
		 "the connection shows." },
	{ .name = "notAppendXForwardedFor",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, not_append_for),
	  .flags = OPT_STATIC,
	  .doc = "Leaves the client's own address out of X-Forwarded-For. What a trusted proxy wrote there is passed "
		 "on "
		 "as it came; without such a proxy the header is absent." },
	{ .name = "addXForwardedSchemeHeaders",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, add_scheme),
	  .flags = OPT_STATIC,
	  .doc = "Says the scheme also in X-Forwarded-Scheme and X-Scheme, for applications that read those instead of "
		 "X-Forwarded-Proto." },
	{ 0 },
};
static const char *const forwarded_unsupported[] = { "connection", NULL };
static const struct opt_table forwarded_table = { .rows = forwarded_rows,
						  .size = sizeof(T),
						  .place_offset = OPT_NO_PLACE,
						  .unsupported = forwarded_unsupported,
						  .doc = "Which clients may say on whose behalf they ask." };
#undef T

#define T struct entry_redirection_conf
static const struct opt redirection_rows[] = {
	{ .name = "to",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, to),
	  .flags = OPT_REQUIRED | OPT_STATIC,
	  .doc = "Where to: the name of another entry point, whose port is taken, or :port." },
	{ .name = "scheme",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, scheme),
	  .def = "https",
	  .flags = OPT_STATIC,
	  .doc = "The scheme to go to: https or http." },
	{ .name = "permanent",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, permanent),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Answers 301, or 308 to other methods than GET, which clients remember; else 302 and 307." },
	{ .name = "priority",
	  .kind = OPT_INT,
	  .offset = offsetof(T, priority),
	  .def = "9223372036854775806",
	  .flags = OPT_STATIC,
	  .doc = "Priority of the redirection among the routers of the entry point. The default comes before all that "
		 "can be written; a router that is to answer over plain HTTP needs a redirection with a lower one." },
	{ 0 },
};
static const struct opt_table redirection_table = { .rows = redirection_rows,
						    .size = sizeof(T),
						    .place_offset = offsetof(T, at),
						    .doc = "Sends all clients of the entry point elsewhere." };
#undef T

#define T struct redirections_conf
static const struct opt redirections_rows[] = {
	{ .name = "entryPoint",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, entry_point),
	  .table = &redirection_table,
	  .flags = OPT_STATIC,
	  .example = "false",
	  .doc = "Sends all clients of the entry point to another one, usually from http to https." },
	{ 0 },
};
static const struct opt_table redirections_table = { .rows = redirections_rows,
						     .size = sizeof(T),
						     .place_offset = OPT_NO_PLACE,
						     .doc = "Redirections of a whole entry point." };
#undef T
#define T struct proxy_protocol_conf
static const struct opt proxy_protocol_rows[] = {
	{ .name = "insecure",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, insecure),
	  .flags = OPT_STATIC,
	  .doc = "Believes the PROXY protocol header of every client. Anybody can then claim any address, so this is "
		 "for "
		 "networks where only your own proxies reach the entry point; trustedIPs is the better way." },
	{ .name = "trustedIPs",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, trusted_ips),
	  .check = check_prefixes,
	  .flags = OPT_STATIC,
	  .example = "[127.0.0.1/32, \"fd00::/8\"]",
	  .doc = "IP addresses and prefixes of the proxies whose header is believed. A connection from them may begin "
		 "with one or not; from anybody else a header is no header, and the connection is refused as bad "
		 "HTTP." },
	{ 0 },
};
static const struct opt_table proxy_protocol_table = {
	.rows = proxy_protocol_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.doc = "Who may name the client at the start of a connection (PROXY protocol, versions 1 and 2)."
};
#undef T

#define ALLOW(key, field, what)                                                                                  \
	{                                                                                                        \
		.name = key, .kind = OPT_BOOL, .offset = offsetof(T, field), .def = "true", .flags = OPT_STATIC, \
		.doc = "Whether a path may contain " what                                                        \
		       ". Off, such a request is answered with 400 after its router "                            \
		       "was found."                                                                              \
	}

#define T struct encoded_conf
static const struct opt encoded_rows[] = {
	ALLOW("allowEncodedSlash", slash, "%2F, which some servers take for a separator"),
	ALLOW("allowEncodedBackSlash", backslash, "%5C, which some servers take for a separator"),
	ALLOW("allowEncodedNullCharacter", nul, "%00, which ends the path for some servers"),
	ALLOW("allowEncodedSemicolon", semicolon, "%3B, after which some servers see parameters"),
	ALLOW("allowEncodedPercent", percent, "%25, which is decoded twice by some servers"),
	ALLOW("allowEncodedQuestionMark", question, "%3F, after which some servers see a query"),
	ALLOW("allowEncodedHash", hash, "%23, after which some servers see a fragment"),
	{ 0 },
};
static const struct opt_table encoded_table = { .rows = encoded_rows,
						.size = sizeof(T),
						.place_offset = OPT_NO_PLACE,
						.doc = "Which escapes the path of a request may contain." };
#undef T
#undef ALLOW

static const char *const underscores[] = { "keep", "delete", "reject", NULL };

#define T struct entry_http_conf
static const struct opt entry_http_rows[] = {
	{ .name = "maxHeaderBytes",
	  .kind = OPT_SIZE,
	  .offset = offsetof(T, max_header_bytes),
	  .def = "64KiB",
	  .min = 4096,
	  .max = 16 * MIB,
	  .flags = OPT_STATIC,
	  .doc = "Bytes that the head of a request, its request line and all its headers, may take. A longer one "
		 "is answered with 431 and the connection is closed. Each connection holds that much at most, so "
		 "the product with maxConnections bounds what heads can cost. The default is below Traefik's 1 "
		 "MiB, which no ordinary client comes near." },
	{ .name = "sanitizePath",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, sanitize_path),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Removes dot segments and repeated slashes from the request's path before rules look at it, so "
		 "that a rule for /admin cannot be walked around by /x/../admin. Switch it off only for "
		 "applications that give such paths a meaning of their own and check them themselves." },
	{ .name = "redirections",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, redirections),
	  .table = &redirections_table,
	  .doc = "Redirections of the whole entry point." },
	{ .name = "tls",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, tls),
	  .table = &conf_router_tls_table,
	  .flags = OPT_STATIC,
	  .example = "false",
	  .doc = "Stands for the tls section of every router here that has none of its own: the entry point serves "
		 "HTTPS." },
	{ .name = "encodedCharacters",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, encoded),
	  .table = &encoded_table,
	  .doc = "Escapes in the path that servers may read differently than the rules did. All are allowed unless "
		 "switched off here." },
	{ .name = "encodeQuerySemicolons",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, encode_query_semicolons),
	  .flags = OPT_STATIC,
	  .doc = "What becomes of ';' in the query, which separates parameters for some servers and not for others: "
		 "'&' by default, %3B when this is on." },
	{ .name = "underscoreHeadersStrategy",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, underscores),
	  .def = "keep",
	  .choices = underscores,
	  .flags = OPT_STATIC,
	  .doc = "What becomes of headers with '_' in their name, which some applications cannot tell from '-': keep "
		 "passes them on, delete removes them, reject answers 400." },
	{ 0 },
};
static const char *const entry_http_unsupported[] = { "middlewares", NULL };
static const struct opt_table entry_http_table = { .rows = entry_http_rows,
						   .size = sizeof(T),
						   .place_offset = OPT_NO_PLACE,
						   .unsupported = entry_http_unsupported,
						   .doc = "How the entry point reads HTTP." };
#undef T

#define T struct entry_udp_conf
static const struct opt entry_udp_rows[] = {
	{ .name = "timeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, timeout_ns),
	  .def = "3s",
	  .min = 1e6,
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a UDP session, the datagrams between one client address and port and one server, is "
		 "remembered after its last datagram. Accepted because Traefik's files have it, but without effect in "
		 "this version: UDP services run in the kernel tier, whose sessions live for kernel.udpTimeout." },
	{ 0 },
};
static const struct opt_table entry_udp_table = {
	.rows = entry_udp_rows, .size = sizeof(T), .place_offset = OPT_NO_PLACE, .doc = "Sessions of a UDP entry point."
};
#undef T

#define T struct entry_conf
static const struct opt entry_rows[] = {
	{ .name = "address",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, address),
	  .check = check_address,
	  .flags = OPT_REQUIRED | OPT_STATIC,
	  .example = "\"127.0.0.1:8000\"",
	  .doc = "Where clients connect, as [host]:port with /tcp or /udp after it; tcp when neither is given. The "
		 "host is an IP address (IPv6 in brackets), or nothing for every address of the machine, IPv4 and "
		 "IPv6. Names are not looked up. Services that the kernel tier serves need one specific address." },
	{ .name = "asDefault",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, as_default),
	  .flags = OPT_STATIC,
	  .doc = "Makes this entry point one of those that a router without entryPoints is attached to. When no "
		 "entry point says so, such a router is attached to all TCP entry points except the one named "
		 "traefik." },
	{ .name = "reusePort",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, reuse_port),
	  .flags = OPT_STATIC,
	  .doc = "Lets another process of the same user listen on the same address at the same time; the kernel "
		 "spreads "
		 "connections over both. For replacing one process by another without a gap. Off, an address that is "
		 "in "
		 "use is an error." },
	{ .name = "proxyProtocol",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, proxy_protocol),
	  .table = &proxy_protocol_table,
	  .doc = "Takes the client's address from a PROXY protocol header in front of the connection's bytes." },
	{ .name = "transport",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, transport),
	  .table = &transport_table,
	  .doc = "Time limits of client connections, and how the entry point ends." },
	{ .name = "forwardedHeaders",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, forwarded),
	  .table = &forwarded_table,
	  .doc = "Whose X-Forwarded headers are believed. By default nobody's: they are removed and written from "
		 "the connection." },
	{ .name = "http",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, http),
	  .table = &entry_http_table,
	  .doc = "Options that only HTTP requests of this entry point feel." },
	{ .name = "udp",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, udp),
	  .table = &entry_udp_table,
	  .doc = "Options that only a UDP entry point feels." },
	{ 0 },
};
static const char *const entry_unsupported[] = { "allowACMEByPass", "http2", "http3", "observability", NULL };
const struct opt_table conf_entry_table = {
	.rows = entry_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.unsupported = entry_unsupported,
	.doc = "One place where clients arrive: an address, a protocol, and the limits that hold there."
};
#undef T
