/* The rows of http.*: routers, services, middlewares. Whether names refer to something, conf/decode checks. */
#include <math.h>
#include "base/str.h"
#include "model/address.h"
#include "model/conf_dynamic.h"
#include "model/conf_tables.h"

#define SECOND 1e9

const struct opt_variant *middleware_variants;

/* ---- checks ---- */

void conf_check_priority(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	if (*(const int64_t *)value > INT64_MAX - 1000)
		err_add(c->errs, at, key, "is reserved for sluice's own routers; expected at most %lld",
			(long long)(INT64_MAX - 1000));
}

static void check_url(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *text = *(char *const *)value;
	struct address_url url;

	if (address_parse_url(text, &url)) {
		err_add(c->errs, at, key,
			"\"%s\" is not valid; expected http://host:port, the host an IP address or a name", text);
		return;
	}
	if (str_ieq(url.scheme, STR("h2c")))
		err_add(c->errs, at, key,
			"scheme %.*s is known to Traefik, not supported by this version of sluice; expected http or "
			"https",
			STR_ARG(url.scheme));
	else if (!str_ieq(url.scheme, STR("http")) && !str_ieq(url.scheme, STR("https")))
		err_add(c->errs, at, key, "unknown scheme \"%.*s\"; expected http or https", STR_ARG(url.scheme));
	else if (url.path.n > 1)
		err_warn(c->errs, at, key, "\"%.*s\" is ignored: the path of a request is sent as it came",
			 STR_ARG(url.path));
}

static void check_scheme(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *scheme = *(char *const *)value;

	if (!str_ieq(str_of(scheme), STR("http")) && !str_ieq(str_of(scheme), STR("https")))
		err_add(c->errs, at, key,
			"scheme \"%s\" is not supported by this version of sluice; expected http or https", scheme);
}

/* What goes into a request line or a header must not be able to end it. */
static bool is_visible(const char *s, bool spaces)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f || (*s == ' ' && !spaces))
			return false;
	return true;
}

static bool is_token(const char *s)
{
	static const char special[] = "!#$%&'*+-.^_`|~";

	if (!*s)
		return false;
	for (; *s; s++) {
		char c = str_lower_char(*s);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(special, c)))
			return false;
	}
	return true;
}

static void check_path(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *path = *(char *const *)value;

	if (path[0] != '/' || path[1] == '/' || strchr(path, '#') || !is_visible(path, false))
		err_add(c->errs, at, key,
			"\"%s\" is not valid; expected a path that begins with one / and may hold a query, without "
			"spaces",
			path);
}

static void check_method(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *method = *(char *const *)value;

	if (!is_token(method))
		err_add(c->errs, at, key, "\"%s\" is not valid; expected a method such as GET or HEAD", method);
}

static void check_hostname(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *host = *(char *const *)value;

	if (!is_visible(host, false) || strpbrk(host, "/@?#"))
		err_add(c->errs, at, key, "\"%s\" is not valid; expected a host name, with :port where needed", host);
}

static void check_headers(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_string_map *m = value;

	for (size_t i = 0; i < m->n; i++) {
		if (!is_token(m->keys[i]))
			err_add(c->errs, at, key,
				"\"%s\" is not the name of a header; expected letters, digits and hyphens", m->keys[i]);
		if (!is_visible(m->values[i], true))
			err_add(c->errs, at, key, "the value of \"%s\" holds control characters", m->keys[i]);
	}
}

static void check_status(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	int64_t v = *(const int64_t *)value;

	if (v && v < 100)
		err_add(c->errs, at, key,
			"\"%lld\" is not a status; expected 0 for any of 200 to 399, or one from 100 to 599",
			(long long)v);
}

/* ---- routers ---- */

#define T struct router_conf
static const struct opt router_rows[] = {
	{ .name = "entryPoints",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, entry_points),
	  .example = "[web]",
	  .doc = CONF_DOC_ENTRY_POINTS },
	{ .name = "rule",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, rule),
	  .place_at = offsetof(T, rule_at),
	  .flags = OPT_REQUIRED,
	  .example = "\"Host(`api.test`) && PathPrefix(`/v1`)\"",
	  .doc = "Which requests the router takes: matchers joined by &&, || and !, with parentheses. Host(`a.test`), "
		 "Host(`*.a.test`), HostRegexp(`re`), Path(`/x`), PathPrefix(`/x`), PathRegexp(`re`), Method(`GET`), "
		 "Header(`name`, `value`), HeaderRegexp(`name`, `re`), Query(`name`, `value`), "
		 "QueryRegexp(`name`, `re`), ClientIP(`10.0.0.0/8`). Values stand in backticks or double quotes; "
		 "regular expressions are those of Go and match anywhere." },
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
	{ .name = "requestTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, timeout_ns),
	  .max = INFINITY,
	  .doc = "How long a request that takes this router may last, from its first byte to the end of the response. "
		 "What has no answer by then gets 504; an answer on its way is cut. WebSockets and other tunnels are "
		 "exempt. 0 means no limit. Not an option of Traefik." },
	{ .name = "middlewares",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, middlewares),
	  .example = "[stripPrefix]",
	  .doc = "Names of middlewares that a request passes, in this order, before the service, and its response "
		 "in the opposite order." },
	{ .name = "service",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, service),
	  .flags = OPT_REQUIRED,
	  .example = "api",
	  .doc = CONF_DOC_SERVICE
	  " The services api@internal, ping@internal, prometheus@internal and noop@internal are sluice's own." },
	{ .name = "tls",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, tls),
	  .table = &conf_router_tls_table,
	  .example = "false",
	  .doc = "Makes the router take only requests that came over TLS; one without it takes only plain ones. An "
		 "entry "
		 "point's http.tls stands in where it is missing." },
	{ 0 },
};
static const char *const router_unsupported[] = { "observability", "parentRefs", NULL };
static const struct opt_table router_table = { .rows = router_rows,
					       .size = sizeof(T),
					       .place_offset = offsetof(T, at),
					       .unsupported = router_unsupported,
					       .doc = "Takes requests that match its rule to a service." };
#undef T

/* ---- services ---- */

#define T struct http_server_conf
static const struct opt server_rows[] = {
	{ .name = "url",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, url),
	  .check = check_url,
	  .flags = OPT_REQUIRED,
	  .example = "\"http://198.18.1.11:80\"",
	  .doc = "Where the server is: http://host:port or https://host:port. The host is an IP address, in brackets "
		 "when it is IPv6, "
		 "or a name, which is looked up when the configuration is put in force. Port 80 or 443 when none "
		 "is given. A path is ignored. An https server has to show a certificate for that host; "
		 "serversTransport says whom to trust." },
	{ .name = "weight",
	  .kind = OPT_INT,
	  .offset = offsetof(T, weight),
	  .def = "1",
	  .max = 65535,
	  .doc = CONF_DOC_WEIGHT },
	{ 0 },
};
static const char *const server_unsupported[] = { "preservePath", NULL };
static const struct opt_table server_table = { .rows = server_rows,
					       .size = sizeof(T),
					       .place_offset = offsetof(T, at),
					       .unsupported = server_unsupported,
					       .doc = "One server of a service." };
#undef T

#define T struct http_health_conf
static const struct opt health_rows[] = {
	{ .name = "path",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, path),
	  .def = "/",
	  .check = check_path,
	  .example = "/health",
	  .doc = "The path that is asked for, with a query where one is needed. It should be cheap, and fail when "
		 "the server can not do its work." },
	{ .name = "scheme",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, scheme),
	  .check = check_scheme,
	  .doc = "The scheme of the check when it differs from the server's." },
	{ .name = "hostname",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, hostname),
	  .check = check_hostname,
	  .doc = "The Host header of the check; without it the server's own host and port. For servers that answer "
		 "several names." },
	{ .name = "method",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, method),
	  .def = "GET",
	  .check = check_method,
	  .doc = "The request's method. HEAD spares the server the body, which is not looked at." },
	{ .name = "port",
	  .kind = OPT_INT,
	  .offset = offsetof(T, port),
	  .max = 65535,
	  .doc = "The port of the check when it differs from the server's; 0 means the server's." },
	{ .name = "status",
	  .kind = OPT_INT,
	  .offset = offsetof(T, status),
	  .max = 599,
	  .check = check_status,
	  .doc = "The status that counts as healthy. 0 takes any from 200 to 399." },
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
	  .doc = "How long one check may take, from connecting to the response's head. Longer counts as a failure." },
	{ .name = "headers",
	  .kind = OPT_STRING_MAP,
	  .offset = offsetof(T, headers),
	  .check = check_headers,
	  .example = "{ X-Check: sluice }",
	  .doc = "Headers that are added to the check's request, by name." },
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
static const char *const health_unsupported[] = { "mode", "followRedirects", NULL };
static const struct opt_table health_table = { .rows = health_rows,
					       .size = sizeof(T),
					       .place_offset = OPT_NO_PLACE,
					       .unsupported = health_unsupported,
					       .doc = "Asks every server at intervals. One that fails gets no new "
						      "requests until it answers again. Servers count as healthy "
						      "until the first check says otherwise." };
#undef T

static const char *const strategies[] = { "wrr", "p2c", "leastconn", "leasttime", "hrw", NULL };

#define T struct http_lb_conf
static const struct opt lb_rows[] = {
	{ .name = "servers",
	  .kind = OPT_LIST,
	  .offset = offsetof(T, servers),
	  .table = &server_table,
	  .doc = "The servers that share the requests. With none, or none that is healthy, requests are answered "
		 "with 503." },
	{ .name = "strategy",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, strategy),
	  .def = "wrr",
	  .choices = strategies,
	  .doc = "How a server is chosen. wrr is smooth weighted round robin: in every round each server is taken "
		 "as often as its weight says, spread evenly over the round. p2c takes two at random and of these "
		 "the one with fewer requests in flight; weights do not count. leastconn takes the one with the fewest "
		 "in flight in relation to its weight (not part of Traefik). leasttime weighs that with the time to "
		 "the "
		 "first byte of its last 100 answers. hrw keeps each client address with its server as long as that "
		 "is up." },
	{ .name = "passHostHeader",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, pass_host_header),
	  .def = "true",
	  .doc = "Sends the client's Host header on. Off, the server sees its own host and port instead, which "
		 "some virtual hosts need." },
	{ .name = "serversTransport",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, servers_transport),
	  .doc = "The name of one of http.serversTransports: how connections to the servers are made and kept. Without "
		 "it the defaults of one." },
	{ .name = "maxConnections",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_connections),
	  .max = 1000000,
	  .doc = "Requests that one server of this service is given at a time, over all workers. Further ones wait in "
		 "a "
		 "queue, for at most queueTimeout. A server that is slow with many requests at once is often fast with "
		 "few. 0 means no limit. Not an option of Traefik." },
	{ .name = "maxQueue",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_queue),
	  .def = "1000",
	  .max = 1000000,
	  .doc = "Requests that may wait for one server in one worker; further ones are answered with 503 at once. "
		 "Only "
		 "with maxConnections." },
	{ .name = "queueTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, queue_ns),
	  .def = "5s",
	  .min = 1e6,
	  .max = INFINITY,
	  .doc = "How long a request may wait for its turn before it is answered with 503." },
	{ .name = "healthCheck",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, health_check),
	  .table = &health_table,
	  .doc = "Asks the servers whether they are well. Without it every server counts as healthy for ever." },
	{ 0 },
};
static const char *const lb_unsupported[] = { "sticky", "responseForwarding", "passiveHealthCheck", NULL };
static const struct opt_table lb_table = { .rows = lb_rows,
					   .size = sizeof(T),
					   .place_offset = offsetof(T, at),
					   .unsupported = lb_unsupported,
					   .doc = "Shares requests out over servers." };
#undef T

#define T struct http_service_conf
static const struct opt service_rows[] = {
	{ .name = "loadBalancer",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, load_balancer),
	  .table = &lb_table,
	  .flags = OPT_REQUIRED,
	  .doc = "Servers and how requests are shared out over them." },
	{ 0 },
};
static const char *const service_unsupported[] = { "weighted", "highestRandomWeight", "mirroring",
						   "failover", "middlewares",	      NULL };
static const struct opt_table service_table = { .rows = service_rows,
						.size = sizeof(T),
						.place_offset = offsetof(T, at),
						.unsupported = service_unsupported,
						.doc = "What answers requests." };
#undef T

/* ---- middlewares ---- */

#define T struct middleware_conf
static const struct opt middleware_rows[] = {
	{ .name = "kind",
	  .kind = OPT_ONE_OF,
	  .offset = offsetof(T, kind),
	  .variants = &middleware_variants,
	  .doc = "The kind of middleware." },
	{ 0 },
};
static const char *const middleware_unsupported[] = { "addPrefix",
						      "basicAuth",
						      "buffering",
						      "chain",
						      "circuitBreaker",
						      "compress",
						      "contentType",
						      "digestAuth",
						      "encodedCharacters",
						      "errors",
						      "forwardAuth",
						      "grpcWeb",
						      "headers",
						      "inFlightReq",
						      "ipAllowList",
						      "ipWhiteList",
						      "passTLSClientCert",
						      "plugin",
						      "rateLimit",
						      "redirectRegex",
						      "replacePath",
						      "replacePathRegex",
						      "retry",
						      "stripPrefix",
						      "stripPrefixRegex",
						      NULL };
static const struct opt_table middleware_table = {
	.rows = middleware_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.unsupported = middleware_unsupported,
	.doc = "Changes requests and responses between router and service. A middleware is of exactly one kind."
};
#undef T

/* ---- http ---- */

#define T struct http_conf
static const struct opt http_rows[] = {
	{ .name = "routers",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, routers),
	  .table = &router_table,
	  .example = "api",
	  .doc = "Routers by name. A request goes to the matching router with the highest priority, or is answered "
		 "with 404." },
	{ .name = "services",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, services),
	  .table = &service_table,
	  .example = "api",
	  .doc = "Services by name." },
	{ .name = "middlewares",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, middlewares),
	  .table = &middleware_table,
	  .doc = "Middlewares by name." },
	{ .name = "serversTransports",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, servers_transports),
	  .table = &conf_transport_table,
	  .example = "api",
	  .doc = "How connections to servers are made, by name; services refer to them." },
	{ 0 },
};
const struct opt_table conf_http_table = { .rows = http_rows,
					   .size = sizeof(T),
					   .place_offset = OPT_NO_PLACE,
					   .doc = "HTTP requests that the agent serves." };
#undef T

#define T struct dynamic_conf
static const struct opt dynamic_rows[] = {
	{ .name = "http",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, http),
	  .table = &conf_http_table,
	  .doc = "HTTP requests." },
	{ .name = "tcp",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, tcp),
	  .table = &conf_tcp_table,
	  .doc = "TCP connections." },
	{ .name = "udp",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, udp),
	  .table = &conf_udp_table,
	  .doc = "UDP datagrams." },
	{ .name = "tls",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, tls),
	  .table = &conf_tls_table,
	  .doc = "Certificates and TLS options." },
	{ 0 },
};
#define ELSEWHERE "a start-up option; expected in the file given with -c"
static const struct opt_elsewhere dynamic_elsewhere[] = {
	{ "entryPoints", ELSEWHERE },
	{ "providers", ELSEWHERE },
	{ "serversTransport", ELSEWHERE },
	{ "overload", ELSEWHERE },
	{ "log", ELSEWHERE },
	{ "accessLog", ELSEWHERE },
	{ "api", ELSEWHERE },
	{ "ping", ELSEWHERE },
	{ "metrics", ELSEWHERE },
	{ "kernel", ELSEWHERE },
	{ "control", ELSEWHERE },
	{ "workers", ELSEWHERE },
	{ "maxConnections", ELSEWHERE },
	{ 0 },
};
const struct opt_table dynamic_table = { .rows = dynamic_rows,
					 .size = sizeof(T),
					 .place_offset = OPT_NO_PLACE,
					 .elsewhere = dynamic_elsewhere,
					 .doc = "Routing configuration comes from the providers and from the same "
						"file as the start-up options; changes are taken over while sluice "
						"runs." };
#undef T
