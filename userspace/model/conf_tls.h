/* TLS configuration as plain data: certificates, options of connections, and the names that may stand there. Decoded
 * through conf_tls_table. */
#pragma once
#include "model/opt.h"

struct tls_certificate_conf {	    /* tls.certificates[], tls.stores.default.defaultCertificate */
	char *cert_file, *key_file; /* path, or the PEM text itself */
	char *ocsp_file;	    /* path of a DER response; NULL: nothing is stapled */
	struct opt_strings stores;
	struct place at;
};

struct tls_store_conf { /* tls.stores.<name> */
	struct tls_certificate_conf *default_certificate;
	struct place at;
};

enum tls_client_auth {
	TLS_REQUIRE_AND_VERIFY_CLIENT_CERT,
	TLS_NO_CLIENT_CERT,
	TLS_REQUEST_CLIENT_CERT,
	TLS_REQUIRE_ANY_CLIENT_CERT,
	TLS_VERIFY_CLIENT_CERT_IF_GIVEN,
};

struct tls_client_auth_conf {
	struct opt_strings ca_files;
	int type; /* enum tls_client_auth */
};

struct tls_options_conf { /* tls.options.<name> */
	int min_version;  /* index into conf_tls_versions */
	int max_version;  /* index into conf_tls_max_versions */
	struct opt_strings cipher_suites, curves, alpn;
	struct tls_client_auth_conf *client_auth;
	bool sni_strict, disable_tickets, prefer_server_ciphers;
	struct place at;
};

struct tls_conf {			/* tls */
	struct opt_list certificates;	/* struct tls_certificate_conf */
	struct opt_map stores, options; /* struct tls_store_conf, struct tls_options_conf */
};

struct router_tls_conf { /* http.routers.<name>.tls, entryPoints.<name>.http.tls */
	char *options;	 /* NULL: default */
	struct place at;
};

struct forwarding_timeouts_conf {
	int64_t dial_ns, response_head_ns, idle_ns; /* 0: none */
};

struct servers_transport_conf {		   /* http.serversTransports.<name> */
	char *server_name, *peer_cert_uri; /* NULL: the server's own host; none */
	bool insecure_skip_verify, disable_http2;
	struct opt_strings root_cas;
	struct opt_list certificates; /* struct tls_certificate_conf */
	int64_t max_idle;	      /* per worker and server */
	struct forwarding_timeouts_conf timeouts;
	struct place at;
};

/* Ascending: VersionTLS10 .. VersionTLS13; the second list begins with its default. Both end with NULL. */
extern const char *const conf_tls_versions[], *const conf_tls_max_versions[];
enum { TLS_VERSION_10, TLS_VERSION_11, TLS_VERSION_12, TLS_VERSION_13 };

/* What tls.options.default is when nobody writes it. */
void conf_tls_default_options(struct arena *a, struct tls_options_conf *ret);
extern const struct opt_table conf_tls_options_table;
