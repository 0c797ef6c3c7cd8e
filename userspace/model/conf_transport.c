/* The rows of http.serversTransports. */
#include <math.h>
#include "model/conf_tables.h"
#include "model/conf_tls.h"

#define T struct forwarding_timeouts_conf
static const struct opt timeout_rows[] = {
	{ .name = "dialTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, dial_ns),
	  .def = "30s",
	  .max = INFINITY,
	  .doc = "How long connecting to a server may take; longer is answered with 504. 0 leaves it to the system. A "
		 "TLS "
		 "handshake has ten seconds of its own." },
	{ .name = "responseHeaderTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, response_head_ns),
	  .max = INFINITY,
	  .doc = "How long a server may take from the end of the request to the head of its response; longer is "
		 "answered with 504. 0 means no limit." },
	{ .name = "idleConnTimeout",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, idle_ns),
	  .def = "90s",
	  .max = INFINITY,
	  .doc = "How long an unused connection is kept for the next request. It should be shorter than what the "
		 "servers "
		 "keep theirs for." },
	{ 0 },
};
static const char *const timeout_unsupported[] = { "readIdleTimeout", "pingTimeout", NULL };
static const struct opt_table timeout_table = { .rows = timeout_rows,
						.size = sizeof(T),
						.place_offset = OPT_NO_PLACE,
						.unsupported = timeout_unsupported,
						.doc = "Time limits of connections to servers." };
#undef T

#define T struct servers_transport_conf
static const struct opt transport_rows[] = {
	{ .name = "serverName",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, server_name),
	  .doc = "The name that is asked for and that a server's certificate must have. Without it the host of the "
		 "server's URL." },
	{ .name = "insecureSkipVerify",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, insecure_skip_verify),
	  .doc = "Takes any certificate. Whoever can get between sluice and the servers then reads and changes "
		 "everything; rootCAs is the better way to servers with certificates of your own." },
	{ .name = "rootCAs",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, root_cas),
	  .doc = "Certificates in PEM that servers' certificates have to lead to: paths, or the text itself. Without "
		 "it "
		 "those of the system." },
	{ .name = "certificates",
	  .kind = OPT_LIST,
	  .offset = offsetof(T, certificates),
	  .table = &conf_certificate_table,
	  .example = "[]",
	  .doc = "certFile and keyFile that are shown to servers that ask for a certificate; only the first is used." },
	{ .name = "maxIdleConnsPerHost",
	  .kind = OPT_INT,
	  .offset = offsetof(T, max_idle),
	  .def = "200",
	  .max = 65536,
	  .doc = "Connections without a request that each worker keeps per server. 0 keeps none, so that every request "
		 "connects anew." },
	{ .name = "forwardingTimeouts",
	  .kind = OPT_STRUCT,
	  .offset = offsetof(T, timeouts),
	  .table = &timeout_table,
	  .doc = "Time limits of connections to servers." },
	{ .name = "disableHTTP2",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, disable_http2),
	  .doc = "Accepted because Traefik's files have it; this version speaks HTTP/1.1 to servers in any case." },
	{ .name = "peerCertURI",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, peer_cert_uri),
	  .doc = "A URI, such as spiffe://example.test/api, that a server's certificate must have in place of its "
		 "host's name." },
	{ 0 },
};
static const char *const transport_unsupported[] = { "cipherSuites", "minVersion", "maxVersion",
						     "peerCertSANs", "spiffe",	   NULL };
const struct opt_table conf_transport_table = {
	.rows = transport_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.unsupported = transport_unsupported,
	.doc = "How connections to servers are made and kept, and whom they trust."
};
#undef T
