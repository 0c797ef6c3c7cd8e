/* OpenSSL as a connection filter, either side. Ciphertext goes through the filters below; what the socket does not take
 * is kept here (conn.unsent), so that OpenSSL never sees a short write and nobody has to repeat one. */
#pragma once
#include "net/conn.h"
#include "tls/client.h"
#include "tls/ctx.h"
#include "tls/hello.h"

/* What a connection turned out to be; known once the handshake is done. */
struct tls_facts {
	const char *version; /* "1.3"; static text, as cipher */
	const char *cipher;  /* IANA name */
	const char *options; /* name of the options it was made under; "" on the client side */
	char *subject;	     /* of the peer's certificate, RFC 2253; NULL: it showed none */
	bool resumed;
	uint8_t sni_len;
	char sni[HELLO_SNI_MAX + 1]; /* lower case; "": none was sent */
};

struct cf_tls {
	struct cf cf;
	struct conn *conn;
	SSL *ssl;
	struct tls_ctx *ctx;		 /* server side */
	const struct store *store;	 /* server side, during the handshake */
	const struct tls_client *client; /* client side */
	SSL_SESSION **session;		 /* client side: where the newest one is kept */
	char *early;			 /* received before the filter was there, and not yet read */
	size_t early_at, early_n;
	char *out; /* ciphertext that the socket did not take */
	size_t out_at, out_n, out_cap;
	uint64_t written_ns; /* last write, and how much since the last pause: sizes of records */
	uint32_t burst;
	int error; /* -errno of the socket; 0: none */
	bool done, broken, ended, closing;
	struct tls_facts facts;
};

/* Server side: on top of c's stack. `early` is copied; `store` has to live until the handshake is done. */
struct cf_tls *cf_tls_accept(struct conn *c, struct tls_ctx *ctx, const struct store *store, const struct hello *h,
			     struct str early);
/* Client side; `host` is the server's name or address as configured, `client` and `session` live as long as the
 * connection. *session, when there is one, is resumed, and replaced by newer ones. */
struct cf_tls *cf_tls_connect(struct conn *c, const struct tls_client *client, const char *host, SSL_SESSION **session);
int cf_tls_session(SSL *ssl, SSL_SESSION *session); /* for client contexts: SSL_CTX_sess_set_new_cb(3) */
/* Goes on with the handshake: 0 when it is done, -EAGAIN, -EKEYREJECTED (the peer's certificate, or ours, was refused),
 * or -errno. After a failure the alert is on its way. */
int cf_tls_handshake(struct cf_tls *t);
const char *cf_tls_problem(const struct cf_tls *t); /* of a failed handshake, in words; static text per thread */
/* For the callbacks of ctx: what fits the name asked for, or else the address connected to; NULL: nothing does. */
const struct store_slot *cf_tls_certificate(const struct cf_tls *t);
