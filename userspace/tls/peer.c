/* Taking a client certificate apart. */
#include "tls/peer.h"
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>
#include "base/addr.h"

static bool copy(struct arena *a, const void *p, size_t n, struct str *ret)
{
	char *text = arena_strndup(a, n ? p : "", n);
	*ret = str_mk(text, text ? n : 0);
	return text != NULL;
}

static bool read_name(struct arena *a, const X509_NAME *name, struct peer_name *ret)
{
	int n = X509_NAME_entry_count(name);
	ret->v = arena_zalloc(a, ((size_t)n + 1) * sizeof(*ret->v));
	for (int i = 0; ret->v && i < n; i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		struct peer_attribute *to = &ret->v[ret->n];
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(e));
		to->name = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(e)));
		if (len >= 0 && !copy(a, utf8, (size_t)len, &to->value)) {
			OPENSSL_free(utf8);
			return false;
		}
		ret->n += len >= 0;
		OPENSSL_free(utf8);
	}
	return ret->v != NULL;
}

static bool read_serial(struct arena *a, const X509 *x, struct str *ret)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *text = n ? BN_bn2dec(n) : NULL;
	bool ok = copy(a, text, text ? strlen(text) : 0, ret);
	OPENSSL_free(text);
	BN_free(n);
	return ok;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;
	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static bool add_san(struct arena *a, const GENERAL_NAME *g, struct str *ret)
{
	char text[ADDR_TEXT_MAX];
	struct addr ip = addr_any4;
	if (g->type != GEN_IPADD)
		return copy(a, ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5), ret);
	size_t n = (size_t)ASN1_STRING_length(g->d.iPAddress);
	if (n != 4 && n != 16)
		return copy(a, "", 0, ret);
	memcpy(ip.b + 16 - n, ASN1_STRING_get0_data(g->d.iPAddress), n);
	addr_print(&ip, text);
	return copy(a, text, strlen(text), ret);
}

static bool read_sans(struct arena *a, const X509 *x, struct peer *ret)
{
	static const int order[] = { GEN_DNS, GEN_EMAIL, GEN_IPADD, GEN_URI };
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = all ? sk_GENERAL_NAME_num(all) : 0;
	bool ok = true;
	ret->sans = arena_zalloc(a, ((size_t)n + 1) * sizeof(*ret->sans));
	for (size_t k = 0; ret->sans && k < sizeof(order) / sizeof(order[0]); k++)
		for (int i = 0; i < n; i++)
			if (sk_GENERAL_NAME_value(all, i)->type == order[k])
				ok &= add_san(a, sk_GENERAL_NAME_value(all, i), &ret->sans[ret->nsans++]);
	GENERAL_NAMES_free(all);
	return ok && ret->sans;
}

static bool read_pem(struct arena *a, X509 *x, struct str *ret)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = b && PEM_write_bio_X509(b, x) == 1 ? BIO_get_mem_data(b, &p) : 0;
	bool ok = copy(a, p, n > 0 ? (size_t)n : 0, ret);
	BIO_free(b);
	return ok;
}

int peer_facts(const struct cf_tls *t, struct arena *a, struct peer *ret)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	*ret = (struct peer){ 0 };
	if (!x)
		return -ENOENT;
	ret->not_before = seconds(X509_get0_notBefore(x));
	ret->not_after = seconds(X509_get0_notAfter(x));
	ret->verified = t->ctx && t->ctx->verifies && SSL_get_verify_result(t->ssl) == X509_V_OK;
	bool ok = read_name(a, X509_get_subject_name(x), &ret->subject) &&
		  read_name(a, X509_get_issuer_name(x), &ret->issuer) && read_serial(a, x, &ret->serial) &&
		  read_sans(a, x, ret) && read_pem(a, x, &ret->pem);
	return ok ? 0 : -ENOMEM;
}
