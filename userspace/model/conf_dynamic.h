/* Routing configuration as plain data: what providers deliver and a reload changes. Decoded through dynamic_table. */
#pragma once
#include "model/conf_tls.h"
#include "model/opt.h"

/* How a rule is written; the default is core.defaultRuleSyntax. */
enum rule_syntax { RULE_SYNTAX_DEFAULT, RULE_SYNTAX_V3, RULE_SYNTAX_V2 };

struct router_conf { /* http.routers.<name>, tcp.routers.<name>, udp.routers.<name> */
	struct opt_strings entry_points;
	char *rule;
	int rule_syntax;  /* enum rule_syntax */
	int64_t priority; /* 0: length of the rule */
	struct opt_strings middlewares;
	int64_t timeout_ns; /* http only; 0: none */
	char *service;
	struct router_tls_conf *tls; /* http; NULL: none */
	struct place at, rule_at;
};

struct http_server_conf {
	char *url;
	int64_t weight;
	struct place at;
};

struct http_health_conf {
	char *path, *scheme, *hostname, *method;
	int64_t port;
	int64_t status; /* 0: 200..399 */
	int64_t interval_ns, unhealthy_interval_ns, timeout_ns;
	struct opt_string_map headers;
	int64_t healthy_threshold, unhealthy_threshold; /* consecutive results that change the state; ours, default 1 */
};

enum lb_strategy { STRATEGY_WRR, STRATEGY_P2C, STRATEGY_LEASTCONN, STRATEGY_LEASTTIME, STRATEGY_HRW };

struct http_lb_conf {
	struct opt_list servers; /* struct http_server_conf */
	int strategy;		 /* enum lb_strategy */
	bool pass_host_header;
	char *servers_transport;	    /* NULL: the implied one */
	int64_t max_connections, max_queue; /* per server; 0: no limit */
	int64_t queue_ns;
	struct http_health_conf *health_check;
	struct place at;
};

struct http_service_conf {
	struct http_lb_conf *load_balancer;
	struct place at;
};

struct middleware_conf {
	struct opt_one_of kind; /* variant->tag is a const struct mw_type * */
	struct place at;
};

struct l4_quic_conf {
	int64_t length; /* bytes of a server id */
	int64_t config_id;
};

struct l4_server_conf {
	char *quic_id; /* hex; udp only */
	char *address;
	int64_t weight;
	struct place at;
};

struct tcp_health_conf {
	int64_t port;
	int64_t interval_ns, unhealthy_interval_ns, timeout_ns;
	char *send, *expect;
	int64_t healthy_threshold, unhealthy_threshold;
};

enum datapath { DATAPATH_XDP };
enum forwarding { FORWARDING_SNAT, FORWARDING_DNAT, FORWARDING_DSR, FORWARDING_IPIP, FORWARDING_GUE };

enum tracking { TRACKING_CHANGES, TRACKING_ALWAYS };

struct l4_lb_conf {		   /* tcp and udp */
	struct opt_list servers;   /* struct l4_server_conf */
	int datapath;		   /* enum datapath */
	int forwarding;		   /* enum forwarding */
	int tracking;		   /* enum tracking */
	int64_t affinity_ns;	   /* 0: none */
	struct l4_quic_conf *quic; /* udp only */
	struct tcp_health_conf *health_check;
	struct place at;
};

struct l4_service_conf {
	struct l4_lb_conf *load_balancer;
	struct place at;
};

struct http_conf {
	struct opt_map routers, services, middlewares; /* router_conf, http_service_conf, middleware_conf */
	struct opt_map servers_transports;	       /* servers_transport_conf */
};

struct l4_conf {
	struct opt_map routers, services; /* router_conf, l4_service_conf */
};

struct dynamic_conf {
	struct http_conf http;
	struct l4_conf tcp, udp;
	struct tls_conf tls;
};

extern const struct opt_table dynamic_table;
/* The middleware alternatives; conf/schema sets it before anything is decoded. */
extern const struct opt_variant *middleware_variants;
