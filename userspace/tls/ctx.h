/* OpenSSL contexts made from options: one per tls.options entry for clients that connect to us, one per
 * serversTransport for servers we connect to. Immutable, reference-counted. */
#pragma once
#include <openssl/ssl.h>
#include <stdatomic.h>
#include "model/conf_tls.h"
#include "tls/store.h"
#include "tls/ticket.h"

struct tls_ctx {
	atomic_uint refs;
	char *name; /* "default", "mtls@file" */
	SSL_CTX *ssl;
	uint64_t identity; /* hash of the options and the CA files' content: equal when nothing changed */
	bool sni_strict;
	bool verifies;	     /* a client certificate that is shown has been verified */
	atomic_bool retired; /* no configuration in force has it: its connections end after their current request */
	struct ticket_ring *tickets;
};

/* Errors under `key`, at the options' place. `before` is taken again when nothing changed; may be NULL. 0 or -EINVAL.
 */
int tls_ctx_new(const char *name, const struct tls_options_conf *conf, struct ticket_ring *tickets,
		struct tls_ctx *before, const char *key, struct err_list *errs, struct tls_ctx **ret);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
void tls_ctx_unref(struct tls_ctx **c); /* any thread; accepts NULL */
