/* Loading certificates and keys, and what a keypair says about itself. */
#include "tls/keypair.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/addr.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tls/ocsp.h"
#include "tls/pem.h"

#define MIN_SECURITY_BITS 112 /* RSA 2048, P-224; below, OpenSSL's level 2 refuses the certificate */

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int leaf_index = -1; /* X509 ex_data: the keypair it belongs to */

static void make_index(void)
{
	leaf_index = X509_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

const struct keypair *keypair_of(const X509 *leaf)
{
	return leaf && leaf_index >= 0 ? X509_get_ex_data(leaf, leaf_index) : NULL;
}

struct keypair *keypair_ref(struct keypair *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void keypair_unref(struct keypair **kp)
{
	struct keypair *k = take_ptr(*kp);
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* A connection may hold the certificate longer, but asks for nothing about it after its handshake. */
	if (k->leaf)
		X509_set_ex_data(k->leaf, leaf_index, NULL);
	X509_free(k->leaf);
	sk_X509_pop_free(k->chain, X509_free);
	EVP_PKEY_free(k->key);
	for (size_t i = 0; i < k->nnames; i++)
		free(k->names[i]);
	free(k->names);
	free(k->ocsp);
	free(k);
}

int keypair_use(const struct keypair *k, SSL *ssl)
{
	return SSL_use_cert_and_key(ssl, k->leaf, k->key, k->chain, 1) == 1 ? 0 : -EINVAL;
}

/* ---- names ---- */

static void add_name(struct keypair *k, const char *p, size_t n)
{
	if (n && p[n - 1] == '.')
		n--;
	if (n == 0 || n > 255 || memchr(p, 0, n))
		return;
	char *name = mem_strndup(p, n);
	for (size_t i = 0; i < n; i++)
		name[i] = str_lower_char(name[i]);
	k->names = mem_realloc(k->names, k->nnames + 1, sizeof(*k->names));
	k->names[k->nnames++] = name;
}

static void add_ip(struct keypair *k, const ASN1_OCTET_STRING *ip)
{
	struct addr a = addr_any4;
	char text[ADDR_TEXT_MAX];
	size_t n = (size_t)ASN1_STRING_length(ip);
	if (n != 4 && n != 16)
		return;
	memcpy(a.b + 16 - n, ASN1_STRING_get0_data(ip), n);
	addr_print(&a, text);
	add_name(k, text, strlen(text));
}

static void read_common_name(struct keypair *k)
{
	X509_NAME *subject = X509_get_subject_name(k->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	if (at < 0)
		return;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (n > 0)
		add_name(k, (const char *)utf8, (size_t)n);
	OPENSSL_free(utf8);
}

static void read_names(struct keypair *k)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(k->leaf, NID_subject_alt_name, NULL, NULL);
	read_common_name(k);
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		if (g->type == GEN_DNS)
			add_name(k, (const char *)ASN1_STRING_get0_data(g->d.dNSName),
				 (size_t)ASN1_STRING_length(g->d.dNSName));
		else if (g->type == GEN_IPADD)
			add_ip(k, g->d.iPAddress);
	}
	GENERAL_NAMES_free(all);
}

/* ---- loading ---- */

struct loading {
	const struct tls_certificate_conf *c;
	const char *key; /* dotted key of the mapping */
	struct err_list *errs;
	struct buf cert, private, ocsp;
};

static void complain(struct loading *l, const char *option, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void complain(struct loading *l, const char *option, const char *fmt, ...)
{
	_cleanup_free_ char *key = mem_printf("%s.%s", l->key, option);
	char text[768];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_add(l->errs, l->c->at, key, "%s", text);
}

static const char *shown(const char *value)
{
	return pem_is_text(value) ? "the text" : value;
}

static bool read_value(struct loading *l, const char *option, const char *value, struct buf *out, struct stat *st)
{
	int rc = pem_read(value, out, st);
	if (rc == 0)
		return true;
	complain(l, option, "cannot read %s: %s", shown(value), strerror(-rc));
	return false;
}

static void warn_permissions(struct loading *l, const struct stat *st)
{
	_cleanup_free_ char *key = mem_printf("%s.keyFile", l->key);
	if (st->st_mode & S_IROTH)
		err_warn(l->errs, l->c->at, key,
			 "%s can be read by everybody on this host (mode %03o); expected 600, or 640 with a group of "
			 "its own",
			 l->c->key_file, st->st_mode & 0777);
}

/* Both are read before either is complained about. */
static bool read_files(struct loading *l)
{
	struct stat st, key_st;
	bool ok = read_value(l, "certFile", l->c->cert_file, &l->cert, &st);
	bool key_ok = read_value(l, "keyFile", l->c->key_file, &l->private, &key_st);
	if (key_ok)
		warn_permissions(l, &key_st);
	if (l->c->ocsp_file && !read_value(l, "ocspFile", l->c->ocsp_file, &l->ocsp, &st))
		ok = false;
	return ok && key_ok;
}

static uint64_t content_of(const struct loading *l)
{
	uint64_t h = hash_str(buf_view(&l->cert), l->cert.n);
	h = hash_str(buf_view(&l->private), h + l->private.n);
	return hash_str(buf_view(&l->ocsp), h);
}

static bool parse_certificates(struct loading *l, struct keypair *k)
{
	k->chain = pem_certificates(buf_view(&l->cert));
	if (!k->chain) {
		complain(l, "certFile", "%s holds no certificate that can be read (%s); expected PEM",
			 shown(l->c->cert_file), pem_last_error());
		return false;
	}
	k->leaf = sk_X509_shift(k->chain);
	X509_set_ex_data(k->leaf, leaf_index, k);
	return true;
}

static int no_passphrase(char *p, int size, int writing, void *ctx)
{
	(void)p, (void)size, (void)writing;
	*(bool *)ctx = true;
	return -1;
}

static bool parse_key(struct loading *l, struct keypair *k)
{
	bool encrypted = false;
	BIO *b = BIO_new_mem_buf(l->private.p, (int)l->private.n);
	k->key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, &encrypted);
	BIO_free(b);
	if (k->key)
		return true;
	const char *why = pem_last_error();
	if (encrypted)
		complain(l, "keyFile", "%s is encrypted; expected a key without a passphrase", shown(l->c->key_file));
	else
		complain(l, "keyFile", "%s holds no private key that can be read (%s); expected PEM",
			 shown(l->c->key_file), why);
	return false;
}

static enum keypair_kind kind_of(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "EC") ? KEYPAIR_ECDSA : EVP_PKEY_is_a(key, "RSA") ? KEYPAIR_RSA : KEYPAIR_OTHER;
}

static bool check_pair(struct loading *l, struct keypair *k)
{
	if (X509_check_private_key(k->leaf, k->key) != 1) {
		ERR_clear_error();
		complain(l, "keyFile", "%s is not the key of the first certificate in %s", shown(l->c->key_file),
			 shown(l->c->cert_file));
		return false;
	}
	k->kind = kind_of(k->key);
	if (EVP_PKEY_get_security_bits(k->key) < MIN_SECURITY_BITS) {
		complain(l, "keyFile", "the key is too weak (%d bits); expected RSA with 2048 bits or ECDSA P-256",
			 EVP_PKEY_get_bits(k->key));
		return false;
	}
	return true;
}

static void warn_validity(struct loading *l, const struct keypair *k)
{
	_cleanup_free_ char *key = mem_printf("%s.certFile", l->key);
	if (X509_cmp_current_time(X509_get0_notAfter(k->leaf)) < 0)
		err_warn(l->errs, l->c->at, key, "%s has expired; clients will refuse it", shown(l->c->cert_file));
	else if (X509_cmp_current_time(X509_get0_notBefore(k->leaf)) > 0)
		err_warn(l->errs, l->c->at, key, "%s is not valid yet; clients will refuse it", shown(l->c->cert_file));
}

static bool parse_ocsp(struct loading *l, struct keypair *k)
{
	if (!l->c->ocsp_file)
		return true;
	const char *why = ocsp_read(buf_view(&l->ocsp), k->leaf, &k->ocsp_until);
	if (why) {
		complain(l, "ocspFile", "%s cannot be stapled: %s", l->c->ocsp_file, why);
		return false;
	}
	k->ocsp_n = l->ocsp.n;
	k->ocsp = mem_alloc(l->ocsp.n);
	memcpy(k->ocsp, l->ocsp.p, l->ocsp.n);
	if (k->ocsp_until < (int64_t)time(NULL)) {
		_cleanup_free_ char *key = mem_printf("%s.ocspFile", l->key);
		err_warn(l->errs, l->c->at, key, "%s is out of date and is not stapled", l->c->ocsp_file);
	}
	return true;
}

static struct keypair *find_known(struct keypair *const *known, uint64_t content)
{
	for (; known && *known; known++)
		if ((*known)->content == content)
			return keypair_ref(*known);
	return NULL;
}

static struct keypair *build(struct loading *l)
{
	struct keypair *k = mem_zalloc(sizeof(*k));
	atomic_init(&k->refs, 1);
	k->content = content_of(l);
	bool ok = parse_certificates(l, k);
	bool key_ok = parse_key(l, k);
	if (ok && key_ok && check_pair(l, k) && parse_ocsp(l, k)) {
		read_names(k);
		warn_validity(l, k);
		return k;
	}
	keypair_unref(&k);
	return NULL;
}

static void forget(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->n);
	buf_free(b);
}

int keypair_load(const struct tls_certificate_conf *c, const char *key, struct keypair *const *known,
		 struct err_list *errs, struct keypair **ret)
{
	struct loading l = { .c = c, .key = key, .errs = errs };
	*ret = NULL;
	pthread_once(&index_once, make_index);
	if (c->cert_file && c->key_file && read_files(&l)) {
		*ret = find_known(known, content_of(&l));
		if (!*ret)
			*ret = build(&l);
	}
	forget(&l.cert);
	forget(&l.private);
	forget(&l.ocsp);
	return *ret ? 0 : -EINVAL;
}

/* ---- made by us ---- */

#define SELF_MADE_NAME	"SLUICE DEFAULT CERT"
#define SELF_MADE_HOST	"sluice.default"
#define SELF_MADE_DAYS	3650
#define SECONDS_PER_DAY 86400

static bool fill_self_made(X509 *x, EVP_PKEY *key)
{
	ASN1_INTEGER_set(X509_get_serialNumber(x), (long)time(NULL));
	X509_set_version(x, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(x), -SECONDS_PER_DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)SELF_MADE_DAYS * SECONDS_PER_DAY);
	X509_NAME *name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)SELF_MADE_NAME, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:" SELF_MADE_HOST);
	if (san)
		X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	return X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0;
}

struct keypair *keypair_self_made(void)
{
	struct keypair *k = mem_zalloc(sizeof(*k));
	pthread_once(&index_once, make_index);
	atomic_init(&k->refs, 1);
	k->kind = KEYPAIR_ECDSA;
	k->key = EVP_EC_gen("P-256");
	k->leaf = X509_new();
	if (!k->key || !k->leaf || !fill_self_made(k->leaf, k->key)) {
		keypair_unref(&k);
		return NULL;
	}
	X509_set_ex_data(k->leaf, leaf_index, k);
	return k;
}
