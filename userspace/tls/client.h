/* How we connect to servers over TLS: whom we trust, as whom we show ourselves. Made from a serversTransport;
 * immutable, reference-counted. */
#pragma once
#include <openssl/ssl.h>
#include <stdatomic.h>
#include "base/err.h"
#include "model/opt.h"

struct tls_client_spec {
	const char *server_name; /* NULL: the host of the server's URL */
	const char *peer_uri;	 /* a URI that the server's certificate must have, in place of its name; NULL: none */
	const struct opt_strings *roots; /* paths or PEM; empty: the system's */
	const struct opt_list *keypairs; /* struct tls_certificate_conf; the first that is read is shown */
	bool insecure;			 /* anything is trusted */
	struct place at;
};

struct tls_client {
	atomic_uint refs;
	SSL_CTX *ssl;
	char *server_name, *peer_uri;
	bool insecure;
	uint64_t identity; /* hash of all of it, the files' content included */
};

/* Errors under `key`. `before` is taken again when nothing changed; may be NULL. 0 or -EINVAL. */
int tls_client_new(const struct tls_client_spec *spec, struct tls_client *before, const char *key,
		   struct err_list *errs, struct tls_client **ret);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client **c); /* any thread; accepts NULL */
