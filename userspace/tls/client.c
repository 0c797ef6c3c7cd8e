/* From a serversTransport to SSL_CTX. */
#include "tls/client.h"
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/mem.h"
#include "tls/cf_tls.h"
#include "tls/keypair.h"
#include "tls/pem.h"

struct making {
	const struct tls_client_spec *spec;
	const char *key;
	struct err_list *errs;
	struct buf roots;
	struct keypair *pair; /* NULL: none */
	bool failed;
};

static void complain(struct making *m, const char *option, const char *what, const char *why)
{
	_cleanup_free_ char *key = mem_printf("%s.%s", m->key, option);
	err_add(m->errs, m->spec->at, key, "%s%s%s", what, why ? ": " : "", why ? why : "");
	m->failed = true;
}

/* ---- reading ---- */

static void read_roots(struct making *m)
{
	const struct opt_strings *l = m->spec->roots;
	buf_init(&m->roots, 0);
	for (size_t i = 0; l && i < l->n; i++) {
		_cleanup_(buf_free) struct buf text = { 0 };
		int rc = pem_read(l->v[i], &text, NULL);
		if (rc < 0) {
			_cleanup_free_ char *what =
				mem_printf("cannot read %s", pem_is_text(l->v[i]) ? "the text" : l->v[i]);
			complain(m, "rootCAs", what, strerror(-rc));
		}
		buf_str(&m->roots, buf_view(&text));
		buf_char(&m->roots, '\n');
	}
}

static void read_pair(struct making *m)
{
	const struct opt_list *l = m->spec->keypairs;
	if (!l || !l->n)
		return;
	_cleanup_free_ char *key = mem_printf("%s.certificates[0]", m->key);
	m->failed |= keypair_load(opt_list_at(l, 0), key, NULL, m->errs, &m->pair) < 0;
}

static uint64_t mix(uint64_t h, const char *text)
{
	return hash_str(str_of(text ? text : "\1"), h + 1);
}

static uint64_t identity_of(const struct making *m)
{
	uint64_t h = hash_str(buf_view(&m->roots), m->spec->insecure);
	h = mix(mix(h, m->spec->server_name), m->spec->peer_uri);
	return m->pair ? h ^ m->pair->content : h;
}

/* ---- verification ---- */

static bool has_uri(X509 *leaf, const char *wanted)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		found |= g->type == GEN_URI &&
			 str_eq(str_of(wanted),
				str_mk((const char *)ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
				       (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier)));
	}
	GENERAL_NAMES_free(all);
	return found;
}

static int verify(X509_STORE_CTX *store, void *arg)
{
	const struct tls_client *c = arg;
	int rc = X509_verify_cert(store);
	if (rc != 1 || !c->peer_uri || has_uri(X509_STORE_CTX_get0_cert(store), c->peer_uri))
		return rc;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static void trust(struct making *m, SSL_CTX *ssl)
{
	const struct opt_strings *l = m->spec->roots;
	if (!l || !l->n) {
		SSL_CTX_set_default_verify_paths(ssl);
		return;
	}
	STACK_OF(X509) *roots = pem_certificates(buf_view(&m->roots));
	if (!roots && !m->failed)
		complain(m, "rootCAs", "no certificate in PEM can be read", pem_last_error());
	for (int i = 0; i < sk_X509_num(roots); i++)
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), sk_X509_value(roots, i));
	sk_X509_pop_free(roots, X509_free);
}

/* ---- life ---- */

static void set_up(struct making *m, struct tls_client *c)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ssl = c->ssl;
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ssl, cf_tls_session);
	SSL_CTX_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1);
	if (!c->insecure) {
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(ssl, verify, c);
		trust(m, ssl);
	}
	if (m->pair && (SSL_CTX_use_cert_and_key(ssl, m->pair->leaf, m->pair->key, m->pair->chain, 1) != 1))
		complain(m, "certificates", "not usable here", pem_last_error());
}

int tls_client_new(const struct tls_client_spec *spec, struct tls_client *before, const char *key,
		   struct err_list *errs, struct tls_client **ret)
{
	struct making m = { .spec = spec, .key = key, .errs = errs };
	struct tls_client *c = NULL;
	read_roots(&m);
	read_pair(&m);
	uint64_t identity = identity_of(&m);
	if (!m.failed && before && before->identity == identity) {
		c = tls_client_ref(before);
	} else {
		c = mem_zalloc(sizeof(*c));
		atomic_init(&c->refs, 1);
		c->identity = identity;
		c->server_name = spec->server_name ? mem_strdup(spec->server_name) : NULL;
		c->peer_uri = spec->peer_uri ? mem_strdup(spec->peer_uri) : NULL;
		c->insecure = spec->insecure;
		c->ssl = SSL_CTX_new(TLS_client_method());
		if (c->ssl)
			set_up(&m, c);
		if (m.failed || !c->ssl)
			tls_client_unref(&c);
	}
	buf_free(&m.roots);
	keypair_unref(&m.pair);
	*ret = c;
	return c ? 0 : -EINVAL;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_client_unref(struct tls_client **cp)
{
	struct tls_client *c = take_ptr(*cp);
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->ssl);
	free(c->server_name);
	free(c->peer_uri);
	free(c);
}
