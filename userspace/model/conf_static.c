/* The rows of the start-up options. Checks look at one value or one section; what compares sections is in conf/static.
 * Entry points are in conf_entry.c, the kernel tier in conf_kernel.c. */
#include "model/conf_static.h"
#include <math.h>
#include "model/conf_tables.h"

/* ---- checks ---- */

static void check_base_path(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *path = *(char *const *)value;
	const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.:~-";

	if (path[0] != '/' || path[strspn(path, allowed)])
		err_add(c->errs, at, key,
			"\"%s\" is not valid; expected a path that begins with / and has only letters, digits and "
			"/_.:~-",
			path);
}

static void check_buckets(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_doubles *l = value;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] <= 0 || (i && l->v[i] <= l->v[i - 1])) {
			err_add(c->errs, at, key,
				"element %zu (%g) is not above the one before it; expected ascending seconds above 0",
				i + 1, l->v[i]);
			return;
		}
}

static void check_file_provider(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct file_provider_conf *f = value;

	if (!f->filename && !f->directory)
		err_add(c->errs, at, key, "names no source; expected `filename` or `directory`");
}

/* ---- providers ---- */

#define T struct file_provider_conf
static const struct opt file_rows[] = {
	{ .name = "filename",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, filename),
	  .flags = OPT_STATIC,
	  .doc = "One YAML file with routing configuration. It is an error when the file cannot be read; the "
		 "configuration that was read last stays in force. When directory is given too, directory wins." },
	{ .name = "directory",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, directory),
	  .flags = OPT_STATIC,
	  .example = "/etc/sluice/dynamic",
	  .doc = "A directory whose .yaml and .yml files, those of its sub-directories included, are read in "
		 "lexical order and put together key by key. Names that begin with a dot and links to directories "
		 "are passed over. Where two files define the same name the first wins and a warning names both "
		 "places. A directory that does not exist yet is empty until it appears." },
	{ .name = "watch",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, watch),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Follows changes of the files and takes them over without a restart, a moment after the last one, "
		 "so that a set of files that is being copied counts once. SIGHUP reads the files again whether "
		 "watching is on or not." },
	{ 0 },
};
static const char *const file_unsupported[] = { "debugLogGeneratedTemplate", NULL };
static const struct opt_table file_table = { .rows = file_rows,
					     .size = sizeof(T),
					     .place_offset = offsetof(T, at),
					     .check = check_file_provider,
					     .unsupported = file_unsupported,
					     .doc = "Routing configuration from files. Routing sections in the "
						    "file given with -c belong to this provider too." };
#undef T

#define T struct providers_conf
static const struct opt providers_rows[] = {
	{ .name = "file",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, file),
	  .table = &file_table,
	  .doc = "Reads routing configuration from a file or a directory of files." },
	{ .name = "providersThrottleDuration",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, throttle_ns),
	  .def = "2s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "Shortest time between two takeovers of what providers deliver. The first delivery counts at "
		 "once; of those that come within this time only the newest does. It keeps a storm of changes from "
		 "becoming a storm of reloads." },
	{ 0 },
};
static const char *const providers_unsupported[] = { "precedence",
						     "docker",
						     "swarm",
						     "http",
						     "rest",
						     "kubernetesIngress",
						     "kubernetesCRD",
						     "kubernetesGateway",
						     "kubernetesIngressNGINX",
						     "knative",
						     "consul",
						     "consulCatalog",
						     "etcd",
						     "redis",
						     "zooKeeper",
						     "nomad",
						     "ecs",
						     "plugin",
						     NULL };
static const struct opt_table providers_table = { .rows = providers_rows,
						  .size = sizeof(T),
						  .place_offset = OPT_NO_PLACE,
						  .unsupported = providers_unsupported,
						  .doc = "Where routing configuration comes from." };
#undef T

/* ---- log, accessLog ---- */

static const char *const log_levels[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "PANIC", NULL };
static const char *const log_formats[] = { "common", "json", NULL };
static const char *const access_formats[] = { "common", "genericCLF", "json", NULL };

#define T struct log_conf
static const struct opt log_rows[] = {
	{ .name = "level",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, level),
	  .def = "ERROR",
	  .choices = log_levels,
	  .flags = OPT_STATIC,
	  .example = "INFO",
	  .doc = "The least important lines that are written. INFO tells of every change of configuration and of "
		 "every server that goes or comes back; DEBUG adds why. The default is Traefik's, so that a file "
		 "taken over logs as much as it did." },
	{ .name = "format",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, format),
	  .def = "common",
	  .choices = log_formats,
	  .flags = OPT_STATIC,
	  .doc = "The form of a line: common is text for people, json one object per line for machines." },
	{ .name = "filePath",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, file_path),
	  .flags = OPT_STATIC,
	  .doc = "The file that lines are appended to. Without it they go to standard error. SIGUSR1 opens the "
		 "file again after it was rotated." },
	{ 0 },
};
static const char *const log_unsupported[] = { "noColor", "maxSize", "maxAge", "maxBackups", "compress", "otlp", NULL };
static const struct opt_table log_table = { .rows = log_rows,
					    .size = sizeof(T),
					    .place_offset = OPT_NO_PLACE,
					    .unsupported = log_unsupported,
					    .doc = "What sluice says about itself. Requests are in accessLog." };
#undef T

#define T struct access_log_conf
static const struct opt access_rows[] = {
	{ .name = "filePath",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, file_path),
	  .flags = OPT_STATIC,
	  .doc = "The file that lines are appended to. Without it they go to standard output. SIGUSR1 opens the "
		 "file again after it was rotated." },
	{ .name = "format",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, format),
	  .def = "common",
	  .choices = access_formats,
	  .flags = OPT_STATIC,
	  .example = "json",
	  .doc = "The form of a line: common is the common log format followed by count, router, server and "
		 "milliseconds; genericCLF is the bare combined format, which other tools read; json is one object "
		 "per request with every field by name." },
	{ .name = "addInternals",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, add_internals),
	  .flags = OPT_STATIC,
	  .doc = "Also writes requests to sluice's own services, the API, ping and metrics. They are left out by "
		 "default, because health checks and scrapes would fill the log." },
	{ 0 },
};
static const char *const access_unsupported[] = { "bufferingSize", "filters", "fields", "dualOutput", "otlp", NULL };
static const struct opt_table access_table = {
	.rows = access_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.unsupported = access_unsupported,
	.doc = "One line per request. Off unless the section is present; `accessLog: {}` is enough."
};
#undef T

/* ---- api, ping, metrics ---- */

#define T struct api_conf
static const struct opt api_rows[] = {
	{ .name = "insecure",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, insecure),
	  .flags = OPT_STATIC,
	  .example = "true",
	  .doc = "Serves the API on the entry point named traefik without asking who calls. That entry point is "
		 "127.0.0.1:8080 unless it is defined, so only this machine reaches it by default; Traefik would "
		 "listen on every address." },
	{ .name = "dashboard",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, dashboard),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Accepted because Traefik's files have it; this version has no status page, so it changes nothing. "
		 "sluice status shows the same on a terminal." },
	{ .name = "basePath",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, base_path),
	  .def = "/",
	  .check = check_base_path,
	  .flags = OPT_STATIC,
	  .doc = "The path under which the API is found, for a proxy in front that gives them a part "
		 "of its own path." },
	{ 0 },
};
static const char *const api_unsupported[] = { "debug", "disableDashboardAd", "dashboardName", NULL };
static const struct opt_table api_table = { .rows = api_rows,
					    .size = sizeof(T),
					    .place_offset = OPT_NO_PLACE,
					    .unsupported = api_unsupported,
					    .doc = "The read-only API. Off unless present; `api: {}` makes the "
						   "service api@internal, which a router can name." };
#undef T

#define T struct ping_conf
static const struct opt ping_rows[] = {
	{ .name = "entryPoint",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, entry_point),
	  .def = "traefik",
	  .flags = OPT_STATIC,
	  .doc = "The entry point that answers /ping. It must be one of entryPoints, or traefik, which is made "
		 "when it is needed." },
	{ .name = "manualRouting",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, manual_routing),
	  .flags = OPT_STATIC,
	  .doc = "Makes no route of its own; a router of yours names the service ping@internal instead." },
	{ .name = "terminatingStatusCode",
	  .kind = OPT_INT,
	  .offset = offsetof(T, terminating_status),
	  .def = "503",
	  .min = 100,
	  .max = 599,
	  .flags = OPT_STATIC,
	  .doc = "The status that /ping answers once the process was told to stop, so that a balancer in front "
		 "looks elsewhere while requests in flight finish." },
	{ 0 },
};
static const struct opt_table ping_table = {
	.rows = ping_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.doc = "A path that answers 200 as long as the process serves. Off unless present; `ping: {}` is enough."
};
#undef T

#define T struct prometheus_conf
static const struct opt prometheus_rows[] = {
	{ .name = "addEntryPointsLabels",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, add_entry_points_labels),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Counts requests per entry point. Cheap: one set of series per entry point, status and method." },
	{ .name = "addRoutersLabels",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, add_routers_labels),
	  .flags = OPT_STATIC,
	  .doc = "Counts requests per router. Off by default, because the number of series grows with the number "
		 "of routers." },
	{ .name = "addServicesLabels",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, add_services_labels),
	  .def = "true",
	  .flags = OPT_STATIC,
	  .doc = "Counts requests per service, and says of each server whether it is up." },
	{ .name = "buckets",
	  .kind = OPT_DOUBLES,
	  .offset = offsetof(T, buckets),
	  .def = "0.1,0.3,1.2,5",
	  .check = check_buckets,
	  .flags = OPT_STATIC,
	  .doc = "Upper limits, in seconds and ascending, of the duration histograms. Each one costs a series for "
		 "every histogram." },
	{ .name = "entryPoint",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, entry_point),
	  .def = "traefik",
	  .flags = OPT_STATIC,
	  .doc = "The entry point that answers /metrics. It must be one of entryPoints, or traefik, which is made "
		 "when it is needed." },
	{ .name = "manualRouting",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, manual_routing),
	  .flags = OPT_STATIC,
	  .doc = "Makes no route of its own; a router of yours names the service prometheus@internal instead." },
	{ 0 },
};
static const char *const prometheus_unsupported[] = { "headerLabels", NULL };
static const struct opt_table prometheus_table = {
	.rows = prometheus_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.unsupported = prometheus_unsupported,
	.doc = "Metrics in the Prometheus text format, with Traefik's names and labels."
};
#undef T

#define T struct metrics_conf
static const struct opt metrics_rows[] = {
	{ .name = "prometheus",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, prometheus),
	  .table = &prometheus_table,
	  .doc = "Serves metrics for Prometheus to collect." },
	{ 0 },
};
static const char *const metrics_unsupported[] = { "addInternals", "datadog", "statsD", "influxDB2", "otlp", NULL };
static const struct opt_table metrics_table = { .rows = metrics_rows,
						.size = sizeof(T),
						.place_offset = OPT_NO_PLACE,
						.unsupported = metrics_unsupported,
						.doc = "What is counted, and who is told." };
#undef T

/* ---- core ---- */

static void check_core(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	if (((const struct core_conf *)value)->default_rule_syntax == 0)
		err_add(c->errs, at, key, "defaultRuleSyntax must be v3 or v2");
}

#define T struct core_conf
static const struct opt core_rows[] = {
	{ .name = "defaultRuleSyntax",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, default_rule_syntax),
	  .def = "v3",
	  .choices = conf_rule_syntaxes,
	  .flags = OPT_STATIC,
	  .doc = "How the rules of routers are written that do not say so with ruleSyntax: v3 or v2." },
	{ 0 },
};
static const struct opt_table core_table = { .rows = core_rows,
					     .size = sizeof(T),
					     .place_offset = OPT_NO_PLACE,
					     .check = check_core,
					     .doc = "What all routers have in common." };
#undef T

/* ---- root ---- */

#define T struct forwarding_timeouts_conf
static const struct opt forwarding_timeouts_rows[] = {
	{ .name = "dialTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, dial_ns),
	  .def = "30s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long connecting to a server may take; longer is answered with 504. 0 leaves it to the system." },
	{ .name = "responseHeaderTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, response_head_ns),
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a server may take from the end of the request to the head of its response; longer is "
		 "answered with 504. 0 means no limit." },
	{ .name = "idleConnTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, idle_ns),
	  .def = "90s",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long a connection to a server is kept without a request. It should be shorter than the server's "
		 "own limit, so that it is us who close. 0 means no limit." },
	{ 0 },
};
static const struct opt_table forwarding_timeouts_table = { .rows = forwarding_timeouts_rows,
							    .size = sizeof(T),
							    .place_offset = OPT_NO_PLACE,
							    .doc = "Limits on what a server may take." };
#undef T

#define T struct servers_transport_conf
static const struct opt servers_transport_rows[] = {
	{ .name = "forwardingTimeouts",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, timeouts),
	  .table = &forwarding_timeouts_table,
	  .doc = "How long servers may take." },
	{ .name = "maxIdleConnsPerHost",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_idle),
	  .def = "200",
	  .max = 65536,
	  .flags = OPT_STATIC,
	  .doc = "Connections without a request that each worker keeps per server. 0 keeps none, so that every request "
		 "connects anew." },
	{ .name = "insecureSkipVerify",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, insecure_skip_verify),
	  .flags = OPT_STATIC,
	  .doc = "Takes any certificate of https servers. Whoever can get between sluice and them then reads and "
		 "changes "
		 "everything; rootCAs is the better way to servers with certificates of your own." },
	{ .name = "rootCAs",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, root_cas),
	  .flags = OPT_STATIC,
	  .doc = "Certificates in PEM that servers' certificates have to lead to: paths, or the text itself. Without "
		 "it "
		 "those of the system." },
	{ 0 },
};
static const char *const servers_transport_unsupported[] = { "spiffe", NULL };
static const struct opt_table servers_transport_table = {
	.rows = servers_transport_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.unsupported = servers_transport_unsupported,
	.doc = "Connections to the servers of HTTP services that name no "
	       "http.serversTransports entry."
};
#undef T

#define T struct overload_conf
static const struct opt overload_rows[] = {
	{ .name = "maxQueueDelay",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, max_queue_delay_ns),
	  .def = "200ms",
	  .max = INFINITY,
	  .flags = OPT_STATIC,
	  .doc = "How long requests may lie unread because their worker is busy. Where that lasts for a tenth of a "
		 "second, "
		 "new requests are answered with 503 and Retry-After, their connections closed and no new ones "
		 "accepted, "
		 "until the worker is on time again. What was accepted so keeps its speed. 0 never refuses." },
	{ .name = "maxBufferMemory",
	  .kind = OPT_SIZE,
	  .offset = offsetof(T, max_buffer_memory),
	  .def = "1GiB",
	  .max = 1024.0 * 1024 * 1024 * 1024,
	  .flags = OPT_STATIC,
	  .doc = "Memory that heads and bodies on their way may take, over all workers. Beyond it new requests are "
		 "answered with 503 and Retry-After. 0 means no limit." },
	{ 0 },
};
static const struct opt_table overload_table = { .rows = overload_rows,
						 .size = sizeof(T),
						 .place_offset = OPT_NO_PLACE,
						 .doc = "When requests are refused so that others can be served." };
#undef T

#define T struct static_conf
static const struct opt static_rows[] = {
	{ .name = "entryPoints",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, entry_points),
	  .table = &conf_entry_table,
	  .flags = OPT_STATIC,
	  .example = "web\n"
		     "db: { address: \"198.18.0.10:5432\" }\n"
		     "dns: { address: \"198.18.0.10:53/udp\" }",
	  .doc = "The places where clients arrive, by name. Without any there is one, named http, on :80. The name "
		 "traefik is the one of API, ping and metrics; it is made on 127.0.0.1:8080 when one of them needs "
		 "it and it is not defined." },
	{ .name = "providers",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, providers),
	  .table = &providers_table,
	  .doc = "Where routing configuration comes from, besides the http, tcp and udp sections of this file." },
	{ .name = "log",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, log),
	  .table = &log_table,
	  .doc = "What sluice says about itself: changes, failures, health." },
	{ .name = "accessLog",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, access_log),
	  .table = &access_table,
	  .doc = "One line per request that the agent served." },
	{ .name = "api",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, api),
	  .table = &api_table,
	  .doc = "What the running agent knows, as JSON." },
	{ .name = "ping",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, ping),
	  .table = &ping_table,
	  .doc = "The health check of sluice itself." },
	{ .name = "metrics",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, metrics),
	  .table = &metrics_table,
	  .doc = "Counters and histograms for a monitoring system." },
	{ .name = "kernel",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, kernel),
	  .table = &conf_kernel_table,
	  .doc = "The XDP tier: where it is attached and how large its tables are." },
	{ .name = "core",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, core),
	  .table = &core_table,
	  .doc = "Defaults of the rule language." },
	{ .name = "control",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, control),
	  .table = &conf_control_table,
	  .doc = "The socket of sluice's own commands." },
	{ .name = "workers",
	  .kind = OPT_INT,
	  .offset = offsetof(T, workers),
	  .max = 1024,
	  .flags = OPT_STATIC,
	  .doc = "Threads that serve connections, each with its own event loop, listeners and upstream "
		 "connections. 0 takes one per processor that the process may run on, which is right unless the "
		 "machine is shared." },
	{ .name = "serversTransport",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, servers_transport),
	  .table = &servers_transport_table,
	  .doc = "Connections to the servers of HTTP services." },
	{ .name = "overload",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, overload),
	  .table = &overload_table,
	  .doc = "When requests are refused so that others can be served." },
	{ .name = "maxConnections",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_connections),
	  .def = "65536",
	  .min = 1,
	  .max = 16777216,
	  .flags = OPT_STATIC,
	  .doc = "Client connections at one time over all entry points and workers. Further ones wait in the "
		 "listener's backlog. With the size of a head it bounds the memory that clients can make the agent "
		 "hold." },
	{ .name = "maxHandshakes",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_handshakes),
	  .def = "1024",
	  .min = 1,
	  .max = 1048576,
	  .flags = OPT_STATIC,
	  .doc = "TLS handshakes that a worker has under way at one time, which each cost some 40 KiB. When one more "
		 "begins, the one that has taken longest is ended: a client that means it is through in two round "
		 "trips. Not part of Traefik." },
	{ 0 },
};
/* The same file may hold the routing sections, which dynamic_table reads. */
static const struct opt_elsewhere static_elsewhere[] = {
	{ "http", NULL }, { "tcp", NULL }, { "udp", NULL }, { "tls", NULL }, { 0 }
};
static const char *const static_unsupported[] = { "tracing",
						  "certificatesResolvers",
						  "global",

						  "tcpServersTransport",
						  "hostResolver",
						  "spiffe",
						  "ocsp",
						  "experimental",
						  NULL };
const struct opt_table static_table = {
	.rows = static_rows,
	.size = sizeof(T),
	.place_offset = OPT_NO_PLACE,
	.unsupported = static_unsupported,
	.elsewhere = static_elsewhere,
	.doc = "Start-up options are read once, from the file given with -c; a change needs a restart."
};
