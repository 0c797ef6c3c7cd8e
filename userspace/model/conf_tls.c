/* The rows of tls.*, and of the tls sections of routers and entry points. What the files hold, conf/check_tls looks
 * at. */
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "model/conf_tables.h"
#include "model/conf_tls.h"

/* ---- names ---- */

/* TLS 1.2 suites that Go knows too and OpenSSL can do (IANA names); those of TLS 1.3 are not for choice. */
static const char *const suites[] = {
	"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
	"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
	"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
	"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
	"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
	"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
	"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
	"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
	"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
	"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	"TLS_RSA_WITH_AES_128_GCM_SHA256",
	"TLS_RSA_WITH_AES_256_GCM_SHA384",
	"TLS_RSA_WITH_AES_128_CBC_SHA256",
	"TLS_RSA_WITH_AES_128_CBC_SHA",
	"TLS_RSA_WITH_AES_256_CBC_SHA",
};
static const char *const suites_13[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
					 "TLS_CHACHA20_POLY1305_SHA256" };
static const char *const curves[] = { "CurveP256", "CurveP384", "CurveP521", "secp256r1",
				      "secp384r1", "secp521r1", "X25519" };
/* Hybrids with ML-KEM, which came with OpenSSL 3.5. */
static const char *const curves_later[] = { "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024" };

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(str_of(name), str_of(names[i])))
			return true;
	return false;
}

static void check_suites(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;

	for (size_t i = 0; i < l->n; i++) {
		const char *near = num_nearest(str_of(l->v[i]), suites, ARRAY_LEN(suites));

		if (is_one_of(l->v[i], suites, ARRAY_LEN(suites)))
			continue;
		if (is_one_of(l->v[i], suites_13, ARRAY_LEN(suites_13)))
			err_add(c->errs, at, key,
				"%s belongs to TLS 1.3, whose suites are not for choice; expected suites of TLS 1.2",
				l->v[i]);
		else
			err_add(c->errs, at, key, "there is no cipher suite \"%s\"; %s%s%s", l->v[i],
				near ? "did you mean `" : "expected IANA names such as ", near ? near : suites[0],
				near ? "`?" : "");
	}
}

static void check_curves(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;

	for (size_t i = 0; i < l->n; i++) {
		if (is_one_of(l->v[i], curves, ARRAY_LEN(curves)))
			continue;
		if (is_one_of(l->v[i], curves_later, ARRAY_LEN(curves_later)))
			err_add(c->errs, at, key,
				"%s is known to Traefik, not supported by this version of sluice; expected CurveP256, "
				"CurveP384, CurveP521 or X25519",
				l->v[i]);
		else
			err_add(c->errs, at, key,
				"there is no curve \"%s\"; expected CurveP256, CurveP384, CurveP521 or X25519",
				l->v[i]);
	}
}

/* What is offered has to be spoken. */
static void check_alpn(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const struct opt_strings *l = value;
	bool usable = l->n == 0;

	for (size_t i = 0; i < l->n; i++) {
		bool known = is_one_of(l->v[i], (const char *const[]){ "h2", "acme-tls/1" }, 2);

		usable |= strcmp(l->v[i], "http/1.1") == 0;
		if (strcmp(l->v[i], "http/1.1") == 0)
			continue;
		if (known)
			err_warn(c->errs, at, key,
				 "%s is known to Traefik, not supported by this version of sluice: it is not offered",
				 l->v[i]);
		else
			err_add(c->errs, at, key, "there is no protocol \"%s\"; expected http/1.1", l->v[i]);
	}
	if (!usable)
		err_add(c->errs, at, key, "no protocol is left that could be spoken; expected http/1.1 among them");
}

/* ---- tls.certificates, tls.stores ---- */

#define DOC_CERT_FILE                                                                                              \
	"The certificate in PEM, followed by those that lead to a root clients know: a path, or the text itself. " \
	"The file is read again when it changes."
#define DOC_KEY_FILE                                                                                                \
	"The certificate's private key in PEM, not encrypted: a path, or the text itself. A file that others than " \
	"its owner can read is warned about."
#define DOC_OCSP_FILE                                                                                                \
	"An OCSP response in DER about the certificate, as a file: it is stapled to handshakes of clients that ask " \
	"until its next update is due. Something else (openssl ocsp, a cron job) has to fetch it; the file is read " \
	"again when it changes. Not part of Traefik."

#define T struct tls_certificate_conf
#define CERTIFICATE_ROWS                                                                                       \
	{ .name = "certFile",                                                                                  \
	  .kind = OPT_STRING,                                                                                  \
	  .offset = offsetof(T, cert_file),                                                                    \
	  .flags = OPT_REQUIRED,                                                                               \
	  .example = "/etc/sluice/tls/example.crt",                                                            \
	  .doc = DOC_CERT_FILE },                                                                              \
		{ .name = "keyFile",                                                                           \
		  .kind = OPT_STRING,                                                                          \
		  .offset = offsetof(T, key_file),                                                             \
		  .flags = OPT_REQUIRED | OPT_PEM,                                                             \
		  .example = "/etc/sluice/tls/example.key",                                                    \
		  .doc = DOC_KEY_FILE },                                                                       \
	{                                                                                                      \
		.name = "ocspFile", .kind = OPT_STRING, .offset = offsetof(T, ocsp_file), .doc = DOC_OCSP_FILE \
	}

static const struct opt certificate_rows[] = {
	CERTIFICATE_ROWS,
	{ .name = "stores",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, stores),
	  .doc = "Accepted because Traefik's files have it, but without effect: there is one store." },
	{ 0 },
};
static const struct opt_table certificate_table = { .rows = certificate_rows,
						    .size = sizeof(T),
						    .place_offset = offsetof(T, at),
						    .doc = "One certificate. Of those that name the host a client asks "
							   "for, an exact name comes before a wildcard; of "
							   "an RSA and an ECDSA one for the same name, each client "
							   "gets what it can verify. Of two of the same kind "
							   "for the same name the first is used." };

static const struct opt default_certificate_rows[] = { CERTIFICATE_ROWS, { 0 } };
const struct opt_table conf_certificate_table = { .rows = default_certificate_rows,
						  .size = sizeof(T),
						  .place_offset = offsetof(T, at),
						  .doc = "A certificate with its key." };
#undef T

#define T struct tls_store_conf
static const struct opt store_rows[] = {
	{ .name = "defaultCertificate",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, default_certificate),
	  .table = &conf_certificate_table,
	  .example = "false",
	  .doc = "certFile and keyFile of the certificate for clients whose host no certificate names. Without it one "
		 "is "
		 "made at the start, which no client trusts." },
	{ 0 },
};
static const char *const store_unsupported[] = { "defaultGeneratedCert", NULL };
static const struct opt_table store_table = { .rows = store_rows,
					      .size = sizeof(T),
					      .place_offset = offsetof(T, at),
					      .unsupported = store_unsupported,
					      .doc = "A certificate store. Only the one named default is used." };
#undef T

/* ---- tls.options ---- */

const char *const conf_tls_versions[] = { "VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13", NULL };
const char *const conf_tls_max_versions[] = { "VersionTLS13", "VersionTLS12", "VersionTLS11", "VersionTLS10", NULL };
static const char *const client_auths[] = { "RequireAndVerifyClientCert", "NoClientCert",
					    "RequestClientCert",	  "RequireAnyClientCert",
					    "VerifyClientCertIfGiven",	  NULL };

#define T struct tls_client_auth_conf
static void check_client_auth(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const T *auth = value;
	bool verifies =
		auth->type == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT || auth->type == TLS_VERIFY_CLIENT_CERT_IF_GIVEN;

	if (verifies && !auth->ca_files.n)
		err_add(c->errs, at, key, "%s needs caFiles to verify with; expected at least one",
			client_auths[auth->type]);
}

static const struct opt client_auth_rows[] = {
	{ .name = "caFiles",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, ca_files),
	  .doc = "Certificates in PEM that clients' certificates have to lead to: paths, or the text itself. Their "
		 "names "
		 "are told to clients, which choose a certificate by them." },
	{ .name = "clientAuthType",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, type),
	  .choices = client_auths,
	  .doc = "NoClientCert does not ask. RequestClientCert asks and takes any or none, RequireAnyClientCert takes "
		 "any, "
		 "neither verified. VerifyClientCertIfGiven takes none or a verified one, RequireAndVerifyClientCert "
		 "only a "
		 "verified one. A client that fails gets a TLS alert, no HTTP answer." },
	{ 0 },
};
static const struct opt_table client_auth_table = { .rows = client_auth_rows,
						    .size = sizeof(T),
						    .check = check_client_auth,
						    .place_offset = OPT_NO_PLACE,
						    .doc = "Whether clients show a certificate." };
#undef T

#define T struct tls_options_conf
static void check_versions(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const T *o = value;

	if (TLS_VERSION_13 - o->max_version < o->min_version)
		err_add(c->errs, at, key, "maxVersion %s is below minVersion %s; expected at least the same",
			conf_tls_max_versions[o->max_version], conf_tls_versions[o->min_version]);
}

static const struct opt options_rows[] = {
	{ .name = "minVersion",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, min_version),
	  .def = "VersionTLS12",
	  .choices = conf_tls_versions,
	  .doc = "The oldest version a client may speak. 1.0 and 1.1 are broken and only for clients that can nothing "
		 "else; they lower OpenSSL's security level to 0 for these connections." },
	{ .name = "maxVersion",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, max_version),
	  .def = "VersionTLS13",
	  .choices = conf_tls_max_versions,
	  .doc = "The newest version that is offered." },
	{ .name = "cipherSuites",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, cipher_suites),
	  .check = check_suites,
	  .doc = "Cipher suites of TLS 1.2 and older by IANA name, the preferred first. Without it those with forward "
		 "secrecy and authenticated encryption. TLS 1.3 has its own, which are not for choice." },
	{ .name = "curvePreferences",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, curves),
	  .check = check_curves,
	  .example = "[X25519, CurveP256]",
	  .doc = "Groups for the key exchange, the preferred first; X25519, CurveP256, CurveP384, CurveP521 without "
		 "it." },
	{ .name = "alpnProtocols",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(T, alpn),
	  .check = check_alpn,
	  .example = "[http/1.1]",
	  .doc = "Protocols that are offered within TLS. This version speaks http/1.1; h2 and acme-tls/1, which "
		 "Traefik "
		 "offers too, are not offered." },
	{ .name = "clientAuth",
	  .kind = OPT_OPTIONAL,
	  .offset = offsetof(T, client_auth),
	  .table = &client_auth_table,
	  .example = "false",
	  .doc = "Asks clients for a certificate. Without it they are not asked." },
	{ .name = "sniStrict",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, sni_strict),
	  .doc = "Refuses a client that asks for no name or for one that no certificate has, instead of showing it the "
		 "default certificate." },
	{ .name = "disableSessionTickets",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, disable_tickets),
	  .doc = "Gives out no session tickets, so that every connection pays for a full handshake. Tickets are sealed "
		 "with keys that change twice a day and are never written anywhere." },
	{ .name = "preferServerCipherSuites",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, prefer_server_ciphers),
	  .doc = "Accepted because Traefik's files have it, but without effect, as there: the order of cipherSuites is "
		 "always the server's." },
	{ 0 },
};
const struct opt_table conf_tls_options_table = {
	.rows = options_rows,
	.size = sizeof(T),
	.check = check_versions,
	.place_offset = offsetof(T, at),
	.doc = "How connections are secured. Which options a connection gets is decided by the name the client asks "
	       "for: "
	       "those of the routers whose rule has that host, else those named default. A request whose router has "
	       "other options than its connection is answered with 421."
};
#undef T

void conf_tls_default_options(struct arena *a, struct tls_options_conf *ret)
{
	struct err_list none;
	struct opt_ctx c = { .arena = a, .errs = &none };

	err_init(&none);
	opt_decode(&c, &conf_tls_options_table, NULL, "", ret);
	err_free(&none);
}

#define T struct tls_conf
static const struct opt tls_rows[] = {
	{ .name = "certificates",
	  .kind = OPT_LIST,
	  .offset = offsetof(T, certificates),
	  .table = &certificate_table,
	  .example = "[]",
	  .doc = "Certificates, each with certFile and keyFile; they find their hosts by the names they hold. All "
		 "files "
		 "and providers add to one list." },
	{ .name = "stores",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, stores),
	  .table = &store_table,
	  .example = "default",
	  .doc = "The certificate store, whose name is default." },
	{ .name = "options",
	  .kind = OPT_MAP,
	  .offset = offsetof(T, options),
	  .table = &conf_tls_options_table,
	  .example = "default",
	  .doc = "Options by name. default is for all connections that no router asks anything else for." },
	{ 0 },
};
const struct opt_table conf_tls_table = { .rows = tls_rows,
					  .size = sizeof(T),
					  .place_offset = OPT_NO_PLACE,
					  .doc = "Certificates, and how connections are secured." };
#undef T

/* ---- routers and entry points ---- */

#define T struct router_tls_conf
static const struct opt router_tls_rows[] = {
	{ .name = "options",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, options),
	  .example = "default",
	  .doc = "The name of one of tls.options; default without it. It takes effect for the hosts that the rule "
		 "names. "
		 "Routers of the same host that differ, and routers that name no host, get default." },
	{ 0 },
};
static const char *const router_tls_unsupported[] = { "certResolver", "domains", NULL };
const struct opt_table conf_router_tls_table = {
	.rows = router_tls_rows,
	.size = sizeof(T),
	.place_offset = offsetof(T, at),
	.unsupported = router_tls_unsupported,
	.doc = "Makes it about TLS: requests that came over it, and no others. It may be empty ({} or true)."
};
#undef T
