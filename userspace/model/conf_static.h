/* Start-up configuration as plain data: what a restart is needed for. Decoded through static_table. */
#pragma once
#include "base/log.h"
#include "model/conf_tls.h"
#include "model/opt.h"

struct timeouts_conf {
	int64_t read_ns;      /* whole request read including body; 0: none */
	int64_t write_ns;     /* from the end of the head to the end of the response; 0: none */
	int64_t idle_ns;      /* keep-alive idle */
	int64_t handshake_ns; /* TLS */
	int64_t body_idle_ns; /* neither body moves because of the client; 0: none */
};

struct lifecycle_conf {
	int64_t request_accept_grace_ns;
	int64_t grace_ns;
};

struct transport_conf {
	struct lifecycle_conf life_cycle;
	struct timeouts_conf responding;
	int64_t keep_alive_max_time_ns;
	int64_t keep_alive_max_requests;
	int64_t tunnel_idle_ns; /* 0: none */
};

struct proxy_protocol_conf {
	bool insecure;
	struct opt_strings trusted_ips;
};

struct forwarded_conf {
	bool insecure, not_append_for, add_scheme;
	struct opt_strings trusted_ips;
};

struct entry_redirection_conf { /* http.redirections.entryPoint */
	char *to;		/* an entry point, or ":port" */
	char *scheme;
	bool permanent;
	int64_t priority;
	struct place at;
};

struct redirections_conf {
	struct entry_redirection_conf *entry_point;
};

enum underscores { UNDERSCORES_KEEP, UNDERSCORES_DELETE, UNDERSCORES_REJECT };

struct encoded_conf { /* encodedCharacters: which escapes a path may contain */
	bool slash, backslash, nul, semicolon, percent, question, hash;
};

struct entry_http_conf {
	uint64_t max_header_bytes; /* default 64 KiB; whole head */
	bool sanitize_path;
	struct redirections_conf redirections;
	struct router_tls_conf *tls; /* of routers that have none of their own */
	bool encode_query_semicolons;
	int underscores; /* enum underscores */
	struct encoded_conf encoded;
};

struct entry_udp_conf {
	int64_t timeout_ns;
};

struct entry_conf {    /* entryPoints.<name> */
	char *address; /* "[host]:port[/tcp|/udp]" */
	bool as_default, reuse_port;
	struct proxy_protocol_conf *proxy_protocol; /* NULL: no headers are looked for */
	struct transport_conf transport;
	struct forwarded_conf forwarded;
	struct entry_http_conf http;
	struct entry_udp_conf udp;
	/* set by the table's check from `address` */
	struct place at;
};

struct file_provider_conf {
	char *filename, *directory;
	bool watch;
	struct place at;
};

struct providers_conf {
	struct file_provider_conf *file;
	int64_t throttle_ns; /* providersThrottleDuration */
};

struct log_conf {
	int level;  /* enum log_level */
	int format; /* enum log_format */
	char *file_path;
};

enum access_format { ACCESS_COMMON, ACCESS_GENERIC_CLF, ACCESS_JSON };

struct access_log_conf {
	char *file_path; /* NULL: standard output */
	int format;	 /* enum access_format */
	bool add_internals;
};

struct api_conf {
	bool insecure;
	bool dashboard;
	char *base_path;
};

struct ping_conf {
	char *entry_point; /* default "traefik" */
	bool manual_routing;
	int64_t terminating_status;
};

struct prometheus_conf {
	bool add_entry_points_labels, add_routers_labels, add_services_labels;
	struct opt_doubles buckets; /* seconds */
	char *entry_point;
	bool manual_routing;
};

struct metrics_conf {
	struct prometheus_conf *prometheus;
};

enum xdp_mode { XDP_MODE_AUTO, XDP_MODE_NATIVE, XDP_MODE_GENERIC };
enum kernel_on_exit { KERNEL_DETACH, KERNEL_KEEP };

struct kernel_snat_conf {
	char *ports; /* "10000-32767": source ports the kernel tier may use; kept apart from the host's own */
};

struct probes_conf {  /* how health checks that travel as traffic does are told apart on this host */
	int64_t mark; /* upper 16 bits of a packet mark */
	int64_t table, priority;
};

struct protection_conf { /* who may send to virtual addresses, and how much */
	struct opt_strings allow, deny;
	char *allow_file, *deny_file; /* NULL: none */
	struct place allow_file_at, deny_file_at;
	int64_t packets_per_second, packets_burst; /* 0: no limit; a second's worth */
	int64_t connections_per_second, connections_burst;
	int64_t max_sources;
	int64_t syn_cookies; /* per second; 0: never */
};

struct kernel_conf { /* kernel: */
	struct opt_strings interfaces;
	int xdp_mode; /* enum xdp_mode */
	char *pin_path;
	int on_exit; /* enum kernel_on_exit */
	uint64_t max_services, max_backends, max_flows;
	uint64_t maglev_size; /* prime rows per service */
	int64_t udp_timeout_ns, tcp_timeout_ns, tcp_opening_ns, tcp_closed_ns;
	char *hash_secret;
	bool answer_ping;
	struct kernel_snat_conf snat;
	struct protection_conf protection;
	struct probes_conf probes;
	struct place at;
};

struct core_conf {
	int default_rule_syntax; /* enum rule_syntax, not the default */
};

struct control_conf { /* control: the unix socket of `sluice status` */
	char *socket;
};

struct overload_conf {
	int64_t max_queue_delay_ns; /* 0: no limit */
	uint64_t max_buffer_memory; /* 0: no limit */
};

struct static_conf {
	struct overload_conf overload;
	struct servers_transport_conf servers_transport;
	struct opt_map entry_points; /* struct entry_conf */
	struct providers_conf providers;
	struct log_conf log;
	struct access_log_conf *access_log;
	struct api_conf *api;
	struct ping_conf *ping;
	struct metrics_conf metrics;
	struct kernel_conf kernel;
	struct control_conf control;
	struct core_conf core;
	int64_t workers;	 /* 0: one per CPU of the process's affinity mask */
	int64_t max_connections; /* accepted client connections over all workers */
	int64_t max_handshakes;	 /* TLS handshakes under way, per worker */
};

extern const struct opt_table static_table;
