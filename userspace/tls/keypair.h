/* A certificate with its chain, its private key and what is stapled to it. Immutable, reference-counted, shared by
 * snapshots and by connections that show it. */
#pragma once
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdint.h>
#include "base/err.h"
#include "model/conf_tls.h"

enum keypair_kind { KEYPAIR_ECDSA, KEYPAIR_RSA, KEYPAIR_OTHER, KEYPAIR_KINDS };

struct keypair {
	atomic_uint refs;
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
	enum keypair_kind kind;
	char **names; /* subject's CN, then DNS and IP names, lower case */
	size_t nnames;
	unsigned char *ocsp; /* DER; NULL: none */
	size_t ocsp_n;
	int64_t ocsp_until; /* seconds since 1970; INT64_MAX: says nothing about it */
	uint64_t content;   /* hash of all that was read: equal when nothing changed */
};

/* Reads and checks everything, errors and warnings at c->at under `key`; nothing of a private key gets into them.
 * `known`, an array ending with NULL or NULL, may already have it: then that one is taken. 0 or -EINVAL. */
int keypair_load(const struct tls_certificate_conf *c, const char *key, struct keypair *const *known,
		 struct err_list *errs, struct keypair **ret);
struct keypair *keypair_self_made(void); /* ECDSA P-256, trusted by nobody; NULL without entropy */
struct keypair *keypair_ref(struct keypair *k);
void keypair_unref(struct keypair **k); /* accepts NULL */
/* Shows it on this connection, beside one of another kind. 0 or -EINVAL. */
int keypair_use(const struct keypair *k, SSL *ssl);
/* Of a certificate that keypair_use() put there. */
const struct keypair *keypair_of(const X509 *leaf);
