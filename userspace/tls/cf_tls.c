/* The TLS filter. OpenSSL reads and writes through a BIO of ours. Records that one call makes are collected in a buffer
 * of the thread and leave in one system call; what the socket does not take moves to the connection until it does. */
#include "tls/cf_tls.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/sock.h"

#define RECORD_MAX   16384u /* RFC 8446 §5.1 */
#define RECORD_ROOM  (RECORD_MAX + 512u)
#define RECORD_SMALL 4096u  /* three of these fit the first flight of a connection, one large one does not */
#define BURST_SMALL  65536u /* bytes in small records, after a start or a pause */
#define PAUSE_NS     NS_PER_S
#define WIRE_SIZE    (4 * RECORD_ROOM)

/* Ciphertext of the call that is under way; empty between calls. */
static _Thread_local struct {
	size_t n;
	char p[WIRE_SIZE];
} wire;
static _Thread_local char gather[RECORD_MAX]; /* the pieces of one record */

/* ---- ciphertext out ---- */

static void keep(struct cf_tls *t, const char *p, size_t n)
{
	if (n == 0)
		return;
	if (t->out_at) {
		memmove(t->out, t->out + t->out_at, t->out_n);
		t->out_at = 0;
	}
	if (t->out_n + n > t->out_cap) {
		t->out_cap = t->out_n + n;
		t->out = mem_realloc(t->out, t->out_cap, 1);
	}
	memcpy(t->out + t->out_n, p, n);
	t->out_n += n;
	t->conn->unsent = true;
}

static int note_error(struct cf_tls *t, int rc)
{
	t->error = rc;
	t->broken = true;
	t->out_n = 0;
	t->conn->unsent = false;
	return rc;
}

/* What was kept: 0 when it has left, -EAGAIN, -errno. */
static int flush_kept(struct cf_tls *t)
{
	while (t->out_n) {
		struct iovec iov = { t->out + t->out_at, t->out_n };
		if (!t->conn->writable)
			return -EAGAIN;
		ssize_t n = conn_writev_below(&t->cf, t->conn, &iov, 1);
		if (n < 0)
			return n == -EAGAIN ? -EAGAIN : note_error(t, (int)n);
		t->out_at += (size_t)n;
		t->out_n -= (size_t)n;
	}
	free(t->out);
	t->out = NULL;
	t->out_at = t->out_cap = 0;
	t->conn->unsent = false;
	if (t->closing) {
		t->closing = false;
		return conn_shutdown_below(&t->cf, t->conn);
	}
	return 0;
}

/* What the call made: the same answers. */
static int send_wire(struct cf_tls *t)
{
	size_t n = wire.n;
	ssize_t sent = 0;
	wire.n = 0;
	if (n == 0 || t->broken)
		return t->broken ? t->error : 0;
	if (!t->out_n && t->conn->writable) {
		struct iovec iov = { wire.p, n };
		sent = conn_writev_below(&t->cf, t->conn, &iov, 1);
		if (sent < 0 && sent != -EAGAIN)
			return note_error(t, (int)sent);
	}
	if (sent < 0)
		sent = 0;
	keep(t, wire.p + sent, n - (size_t)sent);
	return (size_t)sent < n ? -EAGAIN : 0;
}

static int bio_write(BIO *b, const char *p, size_t n, size_t *ret)
{
	struct cf_tls *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (n > WIRE_SIZE - wire.n)
		(void)send_wire(t);
	if (n > WIRE_SIZE) {
		keep(t, p, n);
	} else {
		memcpy(wire.p + wire.n, p, n);
		wire.n += n;
	}
	*ret = n;
	return 1;
}

/* ---- ciphertext in ---- */

static size_t take_early(struct cf_tls *t, char *p, size_t n)
{
	size_t take = n < t->early_n ? n : t->early_n;
	memcpy(p, t->early + t->early_at, take);
	t->early_at += take;
	t->early_n -= take;
	if (t->early_n == 0) {
		free(t->early);
		t->early = NULL;
	}
	return take;
}

static int bio_read(BIO *b, char *p, size_t n, size_t *ret)
{
	struct cf_tls *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	*ret = 0;
	if (t->early_n) {
		*ret = take_early(t, p, n);
		return 1;
	}
	ssize_t got = t->conn->sock_readable ? conn_recv_below(&t->cf, t->conn, p, n) : -EAGAIN;
	if (got > 0) {
		*ret = (size_t)got;
		return 1;
	}
	if (got == -EAGAIN)
		BIO_set_retry_read(b);
	else
		t->error = got < 0 ? (int)got : -ECONNRESET; /* an end without close_notify may be anybody's work */
	return 0;
}

static long bio_ctrl(BIO *b, int cmd, long number, void *p)
{
	const struct cf_tls *t = BIO_get_data(b);
	(void)number, (void)p;
	if (cmd == BIO_CTRL_EOF)
		return t->error != 0;
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	BIO_meth_set_read_ex(method, bio_read);
	BIO_meth_set_write_ex(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

/* ---- plaintext ---- */

static bool about_certificates(unsigned long e)
{
	int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
	return reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
	       reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
	       reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED;
}

/* What may be received without asking the socket counts as readable too. */
static void note_readable(struct cf_tls *t)
{
	t->conn->readable = t->conn->sock_readable || t->early_n || SSL_has_pending(t->ssl) || t->error || t->ended;
}

/* Why a read gave nothing: 0 at the end, -EAGAIN, -errno. */
static int read_nothing(struct cf_tls *t, int rc)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: /* cannot be: bio_write takes everything */
		t->conn->readable = t->conn->sock_readable;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		t->ended = true;
		note_readable(t);
		return 0;
	default:
		t->broken = true;
		/* TLS 1.3 servers refuse our certificate, or its absence, only here. */
		if (!t->error)
			t->error = about_certificates(ERR_peek_last_error()) ? -EKEYREJECTED : -EPROTO;
		note_readable(t);
		return t->error;
	}
}

static ssize_t tls_recv(struct cf *f, struct conn *c, void *p, size_t n)
{
	struct cf_tls *t = container_of(f, struct cf_tls, cf);
	size_t got = 0;
	if (t->ended || t->broken || !t->done)
		return t->ended ? 0 : t->broken ? t->error : -EAGAIN;
	ERR_clear_error();
	int rc = SSL_read_ex(t->ssl, p, n, &got);
	if (wire.n) /* an answer to a key update, or an alert */
		(void)send_wire(t);
	if (rc != 1)
		return read_nothing(t, rc);
	note_readable(t);
	(void)c;
	return (ssize_t)got;
}

static int tls_probe(struct cf *f, struct conn *c)
{
	struct cf_tls *t = container_of(f, struct cf_tls, cf);
	char byte;
	size_t got = 0;
	(void)c;
	if (t->ended || t->broken || !t->done)
		return t->ended ? -EPIPE : t->broken ? t->error : 0;
	ERR_clear_error();
	int rc = SSL_peek_ex(t->ssl, &byte, 1, &got);
	if (wire.n)
		(void)send_wire(t);
	if (rc == 1) {
		note_readable(t);
		return 1;
	}
	rc = read_nothing(t, rc);
	return rc == -EAGAIN ? 0 : rc == 0 ? -EPIPE : rc;
}

/* Where the next record begins. */
struct cursor {
	const struct iovec *iov;
	int left;
	size_t at; /* within the first */
};

static size_t advance(struct cursor *k, char *to, size_t room)
{
	size_t n = 0;
	while (k->left && n < room) {
		size_t have = k->iov->iov_len - k->at, part = have < room - n ? have : room - n;
		if (part)
			memcpy(to + n, (const char *)k->iov->iov_base + k->at, part);
		n += part;
		k->at += part;
		if (k->at == k->iov->iov_len) {
			k->iov++;
			k->left--;
			k->at = 0;
		}
	}
	return n;
}

/* The content of the next record: in place when one piece fills it or is the last, else gathered. */
static size_t next_record(struct cursor *k, size_t room, const char **ret)
{
	while (k->left && k->at == k->iov->iov_len) {
		k->iov++;
		k->left--;
		k->at = 0;
	}
	if (!k->left)
		return 0;
	size_t have = k->iov->iov_len - k->at;
	if (have < room && k->left > 1) {
		*ret = gather;
		return advance(k, gather, room);
	}
	*ret = (const char *)k->iov->iov_base + k->at;
	have = have < room ? have : room;
	k->at += have;
	return have;
}

static size_t record_room(struct cf_tls *t)
{
	uint64_t now = t->conn->loop->now_ns;
	if (now - t->written_ns > PAUSE_NS)
		t->burst = 0;
	t->written_ns = now;
	return t->burst < BURST_SMALL ? RECORD_SMALL : RECORD_MAX;
}

static ssize_t tls_writev(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	struct cf_tls *t = container_of(f, struct cf_tls, cf);
	struct cursor k = { iov, niov, 0 };
	size_t total = 0, n, written;
	const char *p;
	(void)c;
	int rc = flush_kept(t);
	if (rc < 0 || !niov)
		return rc;
	if (t->broken || !t->done)
		return t->broken && t->error ? t->error : -EPIPE;
	ERR_clear_error();
	while ((n = next_record(&k, record_room(t), &p)) > 0) {
		if (SSL_write_ex(t->ssl, p, n, &written) != 1)
			return note_error(t, t->error ? t->error : -EPROTO);
		total += n;
		t->burst += (uint32_t)(t->burst < BURST_SMALL ? n : 0);
		if (WIRE_SIZE - wire.n < RECORD_ROOM && (rc = send_wire(t)) < 0)
			break;
	}
	if (wire.n)
		rc = send_wire(t);
	return rc < 0 && rc != -EAGAIN ? rc : (ssize_t)total;
}

/* ---- the end ---- */

static int tls_shutdown(struct cf *f, struct conn *c)
{
	struct cf_tls *t = container_of(f, struct cf_tls, cf);
	if (!t->broken && t->done) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		(void)send_wire(t);
	}
	if (t->out_n) {
		t->closing = true;
		return 0;
	}
	return conn_shutdown_below(f, c);
}

static void tls_close(struct cf *f, struct conn *c)
{
	struct cf_tls *t = container_of(f, struct cf_tls, cf);
	if (!t->broken && t->done && !c->aborted && !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN)) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		(void)send_wire(t);
	}
	wire.n = 0;
	c->unsent = false;
	SSL_free(t->ssl);
	tls_ctx_unref(&t->ctx);
	free(t->early);
	free(t->out);
	free(t->facts.subject);
	free(t);
}

static const struct cf_ops cf_tls = {
	.name = "tls",
	.recv = tls_recv,
	.writev = tls_writev,
	.shutdown = tls_shutdown,
	.close = tls_close,
	.probe = tls_probe,
};

/* ---- the beginning ---- */

static struct cf_tls *push(struct conn *c, SSL_CTX *ssl)
{
	struct cf_tls *t = mem_zalloc(sizeof(*t));
	pthread_once(&method_once, make_method);
	BIO *b = BIO_new(method);
	t->ssl = SSL_new(ssl);
	if (!b || !t->ssl) {
		BIO_free(b);
		SSL_free(t->ssl);
		free(t);
		return NULL;
	}
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	t->conn = c;
	t->cf.ops = &cf_tls;
	t->facts.options = "";
	conn_push(c, &t->cf);
	return t;
}

struct cf_tls *cf_tls_accept(struct conn *c, struct tls_ctx *ctx, const struct store *store, const struct hello *h,
			     struct str early)
{
	struct cf_tls *t = push(c, ctx->ssl);
	if (!t)
		return NULL;
	SSL_set_accept_state(t->ssl);
	t->ctx = tls_ctx_ref(ctx);
	t->facts.options = t->ctx->name;
	t->store = store;
	memcpy(t->facts.sni, h->sni, sizeof(h->sni));
	t->facts.sni_len = h->sni_len;
	if (early.n) {
		t->early = mem_alloc(early.n);
		memcpy(t->early, early.p, early.n);
		t->early_n = early.n;
	}
	return t;
}

/* An address is verified as one and not sent as a name (RFC 6066 §3). */
static bool set_host(struct cf_tls *t, const char *host)
{
	struct addr a;
	if (addr_parse(str_of(host), &a) == 0) {
		char text[ADDR_TEXT_MAX];
		addr_print(&a, text);
		return t->client->peer_uri || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), text) == 1;
	}
	if (SSL_set_tlsext_host_name(t->ssl, host) != 1)
		return false;
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return t->client->peer_uri || SSL_set1_host(t->ssl, host) == 1;
}

int cf_tls_session(SSL *ssl, SSL_SESSION *session)
{
	const struct cf_tls *t = SSL_get_app_data(ssl);
	SSL_SESSION_free(*t->session);
	*t->session = session;
	return 1; /* the reference is ours now */
}

struct cf_tls *cf_tls_connect(struct conn *c, const struct tls_client *client, const char *host, SSL_SESSION **session)
{
	struct cf_tls *t = push(c, client->ssl);
	if (!t)
		return NULL;
	t->client = client;
	t->session = session;
	SSL_set_connect_state(t->ssl);
	if (*session)
		(void)SSL_set_session(t->ssl, *session);
	t->broken = !set_host(t, client->server_name ? client->server_name : host);
	return t;
}

const struct store_slot *cf_tls_certificate(const struct cf_tls *t)
{
	struct endpoint local;
	char text[ADDR_TEXT_MAX];
	if (t->facts.sni_len)
		return store_find(t->store, str_mk(t->facts.sni, t->facts.sni_len));
	if (sock_local(t->conn->watch.fd, &local) < 0)
		return NULL;
	addr_print(&local.addr, text);
	return store_find(t->store, str_of(text));
}

static const char *version_text(const SSL *ssl)
{
	switch (SSL_version(ssl)) {
	case TLS1_3_VERSION:
		return "1.3";
	case TLS1_2_VERSION:
		return "1.2";
	case TLS1_1_VERSION:
		return "1.1";
	default:
		return "1.0";
	}
}

static char *subject_text(const SSL *ssl)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);
	BIO *b = peer ? BIO_new(BIO_s_mem()) : NULL;
	char *p, *text = NULL;
	if (!b)
		return NULL;
	if (X509_NAME_print_ex(b, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0) {
		long n = BIO_get_mem_data(b, &p);
		text = mem_strndup(p, n > 0 ? (size_t)n : 0);
	}
	BIO_free(b);
	return text;
}

static void handshake_done(struct cf_tls *t)
{
	t->done = true;
	t->store = NULL;
	t->facts.version = version_text(t->ssl);
	t->facts.cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(t->ssl));
	t->facts.resumed = SSL_session_reused(t->ssl);
	if (t->ctx)
		t->facts.subject = subject_text(t->ssl);
	note_readable(t);
}

int cf_tls_handshake(struct cf_tls *t)
{
	if (t->done || t->broken)
		return t->broken ? -EPROTO : 0;
	int sent = flush_kept(t);
	if (sent < 0)
		return sent;
	ERR_clear_error();
	int rc = SSL_do_handshake(t->ssl);
	int why = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
	sent = send_wire(t);
	if (sent < 0 && sent != -EAGAIN)
		return sent;
	if (why == SSL_ERROR_NONE) {
		handshake_done(t);
		return 0;
	}
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		t->conn->readable = t->conn->sock_readable;
		return -EAGAIN;
	}
	t->broken = true;
	bool certificate = about_certificates(ERR_peek_last_error());
	if (!t->error)
		t->error = certificate ? -EKEYREJECTED : -EPROTO;
	return certificate ? -EKEYREJECTED : t->error;
}

const char *cf_tls_problem(const struct cf_tls *t)
{
	long verify = SSL_get_verify_result(t->ssl);
	unsigned long e = ERR_peek_last_error();
	if (verify != X509_V_OK && about_certificates(e))
		return verify == X509_V_ERR_APPLICATION_VERIFICATION ? "the certificate does not have the expected URI"
								     : X509_verify_cert_error_string(verify);
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	return text ? text : t->error ? strerror(-t->error) : "unknown reason";
}
