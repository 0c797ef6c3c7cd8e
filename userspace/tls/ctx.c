/* From tls.options to SSL_CTX. */
#include "tls/ctx.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/hash.h"
#include "base/mem.h"
#include "tls/cf_tls.h"
#include "tls/pem.h"

/* TLS 1.2 with forward secrecy and authenticated encryption only: what Mozilla calls intermediate, without DHE. */
#define DEFAULT_SUITES                                                                             \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SUITES_13      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define OLD_SUITES     ":ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
#define DEFAULT_GROUPS "X25519:P-256:P-384:P-521"

static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION };

struct making {
	const struct tls_options_conf *conf;
	const char *key;
	struct err_list *errs;
	struct buf cas; /* the CA files' content, one after the other */
	bool failed;
};

static void complain(struct making *m, const char *option, const char *what, const char *why)
{
	_cleanup_free_ char *key = mem_printf("%s.%s", m->key, option);
	err_add(m->errs, m->conf->at, key, "%s%s%s", what, why ? ": " : "", why ? why : "");
	m->failed = true;
}

/* ---- versions, suites, groups ---- */

static void set_suites(struct making *m, SSL_CTX *ssl)
{
	const struct opt_strings *l = &m->conf->cipher_suites;
	bool old = m->conf->min_version < TLS_VERSION_12;
	_cleanup_(buf_free) struct buf text = { 0 };
	buf_init(&text, 0);
	for (size_t i = 0; i < l->n; i++) {
		/* Go's short name for the same suite. */
		bool brief = str_ieq(str_of(l->v[i]), STR("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305")) ||
			     str_ieq(str_of(l->v[i]), STR("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"));
		_cleanup_free_ char *name = mem_printf("%s%s", l->v[i], brief ? "_SHA256" : "");
		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
		buf_printf(&text, "%s%s", i ? ":" : "", OPENSSL_cipher_name(name));
	}
	if (!l->n)
		buf_puts(&text, old ? DEFAULT_SUITES OLD_SUITES : DEFAULT_SUITES);
	if (old)
		buf_puts(&text, ":@SECLEVEL=0"); /* SHA-1 signatures, without which TLS 1.0 and 1.1 cannot be */
	buf_char(&text, 0);
	if (SSL_CTX_set_cipher_list(ssl, text.p) != 1)
		complain(m, "cipherSuites", "not usable here", pem_last_error());
}

static const char *group_of(const char *name)
{
	static const struct {
		const char *name, *group;
	} rows[] = {
		{ "CurveP256", "P-256" }, { "CurveP384", "P-384" }, { "CurveP521", "P-521" }, { "secp256r1", "P-256" },
		{ "secp384r1", "P-384" }, { "secp521r1", "P-521" }, { "X25519", "X25519" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_ieq(str_of(name), str_of(rows[i].name)))
			return rows[i].group;
	return name;
}

static void set_groups(struct making *m, SSL_CTX *ssl)
{
	const struct opt_strings *l = &m->conf->curves;
	_cleanup_(buf_free) struct buf text = { 0 };
	buf_init(&text, 0);
	for (size_t i = 0; i < l->n; i++)
		buf_printf(&text, "%s%s", i ? ":" : "", group_of(l->v[i]));
	if (!l->n)
		buf_puts(&text, DEFAULT_GROUPS);
	buf_char(&text, 0);
	if (SSL_CTX_set1_groups_list(ssl, text.p) != 1)
		complain(m, "curvePreferences", "not usable here", pem_last_error());
}

/* ---- client certificates ---- */

static int accept_any(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static void read_cas(struct making *m)
{
	const struct tls_client_auth_conf *auth = m->conf->client_auth;
	buf_init(&m->cas, 0);
	for (size_t i = 0; auth && i < auth->ca_files.n; i++) {
		_cleanup_(buf_free) struct buf text = { 0 };
		const char *name = auth->ca_files.v[i];
		int rc = pem_read(name, &text, NULL);
		if (rc < 0) {
			_cleanup_free_ char *what = mem_printf("cannot read %s", pem_is_text(name) ? "the text" : name);
			complain(m, "clientAuth.caFiles", what, strerror(-rc));
		}
		buf_str(&m->cas, buf_view(&text));
		buf_char(&m->cas, '\n');
	}
}

static void trust(SSL_CTX *ssl, STACK_OF(X509) * cas)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	for (int i = 0; i < sk_X509_num(cas); i++) {
		X509_STORE_add_cert(store, sk_X509_value(cas, i));
		SSL_CTX_add_client_CA(ssl, sk_X509_value(cas, i));
	}
}

static void set_client_auth(struct making *m, SSL_CTX *ssl)
{
	static const int modes[] = {
		[TLS_NO_CLIENT_CERT] = SSL_VERIFY_NONE,
		[TLS_REQUEST_CLIENT_CERT] = SSL_VERIFY_PEER,
		[TLS_REQUIRE_ANY_CLIENT_CERT] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		[TLS_VERIFY_CLIENT_CERT_IF_GIVEN] = SSL_VERIFY_PEER,
		[TLS_REQUIRE_AND_VERIFY_CLIENT_CERT] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};
	const struct tls_client_auth_conf *auth = m->conf->client_auth;
	if (!auth)
		return;
	STACK_OF(X509) *cas = auth->ca_files.n ? pem_certificates(buf_view(&m->cas)) : NULL;
	if (auth->ca_files.n && !cas && !m->failed)
		complain(m, "clientAuth.caFiles", "no certificate in PEM can be read", pem_last_error());
	trust(ssl, cas);
	sk_X509_pop_free(cas, X509_free);
	SSL_CTX_set_verify(ssl, modes[auth->type], NULL);
	if (auth->type == TLS_REQUEST_CLIENT_CERT || auth->type == TLS_REQUIRE_ANY_CLIENT_CERT)
		SSL_CTX_set_cert_verify_callback(ssl, accept_any, NULL);
}

/* ---- callbacks ---- */

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		     int sealing)
{
	const struct tls_ctx *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	return ticket_crypt(c->tickets, name, iv, cipher, mac, sealing);
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered, unsigned n,
		   void *arg)
{
	static const unsigned char http11[] = "\x08http/1.1";
	(void)ssl, (void)arg;
	int rc = SSL_select_next_proto((unsigned char **)(uintptr_t)ret, ret_n, http11, sizeof(http11) - 1, offered, n);
	return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 §3.2 */
}

/* Called for every handshake, resumed ones and those without the extension included. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_ctx *c = arg;
	if (!c->sni_strict || cf_tls_certificate(SSL_get_app_data(ssl)))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int on_certificate(SSL *ssl, void *arg)
{
	const struct cf_tls *t = SSL_get_app_data(ssl);
	const struct store_slot *slot = cf_tls_certificate(t);
	(void)arg;
	if (!slot)
		slot = &t->store->fallback;
	for (int i = 0; i < KEYPAIR_KINDS; i++)
		if (slot->kinds[i] && keypair_use(slot->kinds[i], ssl) < 0)
			return 0;
	return 1;
}

static int on_status(SSL *ssl, void *arg)
{
	const struct keypair *k = keypair_of(SSL_get_certificate(ssl));
	(void)arg;
	if (!k || !k->ocsp || k->ocsp_until < (int64_t)time(NULL))
		return SSL_TLSEXT_ERR_NOACK;
	unsigned char *copy = OPENSSL_memdup(k->ocsp, k->ocsp_n);
	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)k->ocsp_n);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- life ---- */

static uint64_t identity_of(struct making *m, const char *name)
{
	_cleanup_(buf_free) struct buf text = { 0 };
	buf_init(&text, 0);
	opt_print(&conf_tls_options_table, m->conf, OPT_JSON, true, 0, &text);
	buf_puts(&text, name);
	return hash_str(buf_view(&m->cas), hash_str(buf_view(&text), 0));
}

static void set_sessions(const struct tls_ctx *c, bool tickets)
{
	/* A session made under other options must not be resumed under these: it says nothing about the client. */
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)&c->identity, sizeof(c->identity));
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(c->ssl, TICKET_KEY_SECONDS);
	SSL_CTX_set_num_tickets(c->ssl, tickets ? 1 : 0);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ssl, on_ticket);
	if (!tickets)
		SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET);
}

static void set_up(struct making *m, struct tls_ctx *c)
{
	SSL_CTX *ssl = c->ssl;
	SSL_CTX_set_app_data(ssl, c);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_min_proto_version(ssl, versions[m->conf->min_version]);
	SSL_CTX_set_max_proto_version(ssl, versions[TLS_VERSION_13 - m->conf->max_version]);
	SSL_CTX_set_ciphersuites(ssl, SUITES_13);
	set_suites(m, ssl);
	set_groups(m, ssl);
	set_sessions(c, !m->conf->disable_tickets);
	set_client_auth(m, ssl);
	SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ssl, c);
	SSL_CTX_set_cert_cb(ssl, on_certificate, NULL);
	SSL_CTX_set_tlsext_status_cb(ssl, on_status);
}

int tls_ctx_new(const char *name, const struct tls_options_conf *conf, struct ticket_ring *tickets,
		struct tls_ctx *before, const char *key, struct err_list *errs, struct tls_ctx **ret)
{
	struct making m = { .conf = conf, .key = key, .errs = errs };
	read_cas(&m);
	uint64_t identity = identity_of(&m, name);
	if (!m.failed && before && before->identity == identity) {
		*ret = tls_ctx_ref(before);
		buf_free(&m.cas);
		return 0;
	}
	struct tls_ctx *c = mem_zalloc(sizeof(*c));
	atomic_init(&c->refs, 1);
	c->name = mem_strdup(name);
	c->identity = identity;
	c->sni_strict = conf->sni_strict;
	c->verifies = conf->client_auth && (conf->client_auth->type == TLS_VERIFY_CLIENT_CERT_IF_GIVEN ||
					    conf->client_auth->type == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT);
	c->tickets = tickets;
	c->ssl = SSL_CTX_new(TLS_server_method());
	if (c->ssl)
		set_up(&m, c);
	buf_free(&m.cas);
	if (m.failed || !c->ssl) {
		tls_ctx_unref(&c);
		return -EINVAL;
	}
	*ret = c;
	return 0;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_ctx_unref(struct tls_ctx **cp)
{
	struct tls_ctx *c = take_ptr(*cp);
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->ssl);
	free(c->name);
	free(c);
}
