/* Both sides of a TLS connection over a socket pair, with a filter below them that lets through as few bytes as it
 * likes, so that every place a write can stop at is met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include "base/rng.h"
#include "tls/cf_tls.c"
#include "tls/peer.h"

struct side {
	struct conn conn;
	struct cf narrow;
	size_t most; /* bytes per write; 0: no limit */
	struct cf_tls *tls;
};

struct bench {
	struct loop loop;
	struct side server, client;
	struct ticket_ring tickets;
	struct store store;
	struct tls_ctx *ctx;
	struct tls_client *trusting;
	SSL_SESSION *session;
	struct err_list errs;
	struct rng rng;
};

static void on_ready(struct watch *w, uint32_t events)
{
	conn_note(container_of(w, struct conn, watch), events);
}

static ssize_t narrow_writev(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	const struct side *s = container_of(f, struct side, narrow);
	struct iovec first = iov[0];
	if (!s->most)
		return conn_writev_below(f, c, iov, niov);
	if (first.iov_len > s->most)
		first.iov_len = s->most;
	ssize_t n = conn_writev_below(f, c, &first, 1);
	c->writable = false; /* until the loop says so again */
	return n;
}

static const struct cf_ops narrow = { .name = "narrow", .writev = narrow_writev };

static void open_side(struct bench *b, struct side *s, int fd)
{
	assert_int_equal(conn_open(&s->conn, &b->loop, fd, on_ready), 0);
	s->narrow.ops = &narrow;
	conn_push(&s->conn, &s->narrow);
}

static void setup(struct bench *b, const struct tls_options_conf *options, const struct tls_client_spec *spec)
{
	struct tls_options_conf common;
	struct arena a;
	struct tls_client_spec open = { .insecure = true };
	memset(b, 0, sizeof(*b));
	arena_init(&a);
	err_init(&b->errs);
	rng_seed(&b->rng, 11);
	assert_int_equal(loop_init(&b->loop), 0);
	assert_int_equal(ticket_ring_init(&b->tickets), 0);
	store_init(&b->store);
	store_set_default(&b->store, keypair_self_made());
	conf_tls_default_options(&a, &common);
	assert_int_equal(tls_ctx_new("default", options ? options : &common, &b->tickets, NULL, "o", &b->errs, &b->ctx),
			 0);
	assert_int_equal(tls_client_new(spec ? spec : &open, NULL, "t", &b->errs, &b->trusting), 0);
	arena_reset(&a);
}

/* A connection whose hello the server has seen nothing of yet. */
static void connect_sides(struct bench *b, const char *host)
{
	int fds[2];
	struct hello h = { 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	open_side(b, &b->server, fds[0]);
	open_side(b, &b->client, fds[1]);
	b->server.tls = cf_tls_accept(&b->server.conn, b->ctx, &b->store, &h, (struct str){ 0 });
	b->client.tls = cf_tls_connect(&b->client.conn, b->trusting, host, &b->session);
}

static void shake(struct bench *b, int *ret_server, int *ret_client)
{
	*ret_server = *ret_client = -EAGAIN;
	for (int i = 0; i < 20000 && (*ret_server == -EAGAIN || *ret_client == -EAGAIN); i++) {
		loop_once(&b->loop, 0);
		if (*ret_client == -EAGAIN)
			*ret_client = cf_tls_handshake(b->client.tls);
		if (*ret_server == -EAGAIN)
			*ret_server = cf_tls_handshake(b->server.tls);
		if (*ret_client != -EAGAIN && *ret_client != 0)
			break;
	}
}

static void shake_well(struct bench *b)
{
	int server, client;
	shake(b, &server, &client);
	assert_int_equal(client, 0);
	assert_int_equal(server, 0);
}

static void hang_up(struct bench *b)
{
	conn_close(&b->server.conn);
	conn_close(&b->client.conn);
}

static void teardown(struct bench *b)
{
	hang_up(b);
	SSL_SESSION_free(b->session);
	tls_ctx_unref(&b->ctx);
	tls_client_unref(&b->trusting);
	store_free(&b->store);
	ticket_ring_free(&b->tickets);
	err_free(&b->errs);
	loop_free(&b->loop);
}

static char pattern(size_t i)
{
	return (char)(i * 31 + (i >> 8));
}

/* `total` bytes from one side to the other, written in odd pieces; returns how many reads it took. */
static void move(struct bench *b, struct side *from, struct side *to, size_t total)
{
	static char data[400000], got[65536];
	size_t sent = 0, received = 0;
	for (size_t i = 0; i < total; i++)
		data[i] = pattern(i);
	for (int i = 0; i < 2000000 && received < total; i++) {
		loop_once(&b->loop, 0);
		while (sent < total && from->conn.writable) {
			size_t n = 1 + rng_below(&b->rng, 40000), a;
			n = n < total - sent ? n : total - sent;
			a = rng_below(&b->rng, (uint32_t)n + 1);
			struct iovec iov[3] = { { data + sent, a }, { NULL, 0 }, { data + sent + a, n - a } };
			ssize_t rc = conn_writev(&from->conn, iov, 3);
			if (rc == -EAGAIN)
				break;
			assert_true(rc > 0);
			sent += (size_t)rc;
		}
		while (to->conn.readable) {
			ssize_t rc = conn_recv(&to->conn, got, 1 + rng_below(&b->rng, sizeof(got)));
			if (rc == -EAGAIN)
				break;
			assert_true(rc > 0);
			for (ssize_t k = 0; k < rc; k++)
				assert_int_equal(got[k], pattern(received + (size_t)k));
			received += (size_t)rc;
		}
	}
	assert_int_equal(received, total);
	assert_false(from->conn.unsent);
}

static void bytes_arrive_whatever_the_socket_takes(void **state)
{
	static const size_t most[] = { 0, 1, 7, 1000, 16384, 20000 };
	struct bench b;
	(void)state;
	setup(&b, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		connect_sides(&b, "a.test");
		b.server.most = b.client.most = most[i];
		shake_well(&b);
		size_t total = most[i] == 1 ? 20000 : most[i] == 7 ? 60000 : 400000;
		move(&b, &b.server, &b.client, total);
		move(&b, &b.client, &b.server, total);
		hang_up(&b);
	}
	teardown(&b);
}

static void facts_are_known_after_the_handshake(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, NULL, NULL);
	connect_sides(&b, "a.test");
	shake_well(&b);
	assert_string_equal(b.server.tls->facts.version, "1.3");
	assert_string_equal(b.server.tls->facts.cipher, "TLS_AES_128_GCM_SHA256");
	assert_string_equal(b.server.tls->facts.options, "default");
	assert_null(b.server.tls->facts.subject);
	assert_false(b.server.tls->facts.resumed);
	teardown(&b);
}

static void the_second_connection_resumes(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		connect_sides(&b, "a.test");
		shake_well(&b);
		assert_int_equal(b.server.tls->facts.resumed, i > 0);
		move(&b, &b.server, &b.client, 10); /* the ticket comes with it */
		hang_up(&b);
		assert_int_equal(ticket_ring_rotate(&b.tickets), 0); /* the key before still opens */
	}
	teardown(&b);
}

static void an_end_is_told_from_a_cut(void **state)
{
	struct bench b;
	char byte;
	(void)state;
	setup(&b, NULL, NULL);
	connect_sides(&b, "a.test");
	shake_well(&b);
	assert_int_equal(conn_shutdown(&b.server.conn), 0);
	loop_once(&b.loop, 0);
	assert_int_equal(conn_probe(&b.client.conn), -EPIPE);
	assert_int_equal(conn_recv(&b.client.conn, &byte, 1), 0);
	assert_int_equal(conn_recv(&b.client.conn, &byte, 1), 0);
	hang_up(&b);
	connect_sides(&b, "a.test");
	shake_well(&b);
	assert_int_equal(shutdown(b.server.conn.watch.fd, SHUT_WR), 0);
	loop_once(&b.loop, 0);
	assert_true(conn_recv(&b.client.conn, &byte, 1) < 0);
	teardown(&b);
}

static void a_reset_says_no_goodbye(void **state)
{
	struct bench b;
	char byte;
	(void)state;
	setup(&b, NULL, NULL);
	connect_sides(&b, "a.test");
	shake_well(&b);
	conn_reset(&b.server.conn);
	loop_once(&b.loop, 0);
	assert_true(conn_recv(&b.client.conn, &byte, 1) < 0);
	teardown(&b);
}

static void a_ticket_alone_is_nothing_to_receive(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, NULL, NULL);
	connect_sides(&b, "a.test");
	shake_well(&b);
	loop_once(&b.loop, 0);
	assert_true(b.client.conn.readable);
	assert_int_equal(conn_probe(&b.client.conn), 0);
	assert_false(b.client.conn.readable);
	assert_non_null(b.session);
	struct iovec iov = { "x", 1 };
	assert_int_equal(conn_writev(&b.server.conn, &iov, 1), 1);
	loop_once(&b.loop, 0);
	assert_int_equal(conn_probe(&b.client.conn), 1);
	teardown(&b);
}

static void an_untrusted_server_is_refused(void **state)
{
	static const struct opt_strings none;
	struct tls_client_spec spec = { .roots = &none };
	struct bench b;
	int server, client;
	(void)state;
	setup(&b, NULL, &spec);
	connect_sides(&b, "a.test");
	shake(&b, &server, &client);
	assert_int_equal(client, -EKEYREJECTED);
	teardown(&b);
}

/* A keypair as the text of a configuration. */
static void as_pem(const struct keypair *k, struct tls_certificate_conf *ret)
{
	char *p;
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, k->leaf);
	long n = BIO_get_mem_data(b, &p);
	ret->cert_file = mem_strndup(p, (size_t)n);
	(void)BIO_reset(b);
	PEM_write_bio_PrivateKey(b, k->key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(b, &p);
	ret->key_file = mem_strndup(p, (size_t)n);
	BIO_free(b);
}

static void a_clients_certificate_is_taken_apart(void **state)
{
	struct tls_client_auth_conf auth = { .type = TLS_REQUIRE_ANY_CLIENT_CERT };
	struct tls_options_conf options = { .min_version = TLS_VERSION_12, .client_auth = &auth };
	struct keypair *mine = keypair_self_made();
	struct tls_certificate_conf conf = { 0 };
	as_pem(mine, &conf);
	struct opt_list pairs = { .items = (char *)&conf, .n = 1, .size = sizeof(conf) };
	struct tls_client_spec spec = { .insecure = true, .keypairs = &pairs };
	struct bench b;
	struct arena a;
	struct peer p;
	(void)state;
	setup(&b, &options, &spec);
	connect_sides(&b, "a.test");
	shake_well(&b);
	arena_init(&a);
	assert_string_equal(b.server.tls->facts.subject, "CN=SLUICE DEFAULT CERT");
	assert_int_equal(peer_facts(b.server.tls, &a, &p), 0);
	assert_int_equal(p.subject.n, 1);
	assert_string_equal(p.subject.v[0].name, "CN");
	assert_true(str_eq(p.subject.v[0].value, STR("SLUICE DEFAULT CERT")) && p.issuer.n == 1);
	assert_true(p.nsans == 1 && str_eq(p.sans[0], STR("sluice.default")));
	assert_true(str_eq(p.pem, str_of(conf.cert_file)));
	assert_true(p.serial.n > 5 && p.not_before < p.not_after && !p.verified);
	assert_int_equal(peer_facts(b.client.tls, &a, &p), 0);
	arena_reset(&a);
	teardown(&b);
	keypair_unref(&mine);
	free(conf.cert_file);
	free(conf.key_file);
}

static void a_missing_client_certificate_is_refused(void **state)
{
	struct tls_client_auth_conf auth = { .type = TLS_REQUIRE_ANY_CLIENT_CERT };
	struct tls_options_conf options = { .min_version = TLS_VERSION_12, .client_auth = &auth };
	struct bench b;
	int server, client;
	char byte;
	(void)state;
	setup(&b, &options, NULL);
	connect_sides(&b, "a.test");
	shake(&b, &server, &client);
	assert_int_equal(server, -EKEYREJECTED);
	assert_int_equal(client, 0);
	loop_once(&b.loop, 0);
	assert_int_equal(conn_recv(&b.client.conn, &byte, 1), -EKEYREJECTED);
	teardown(&b);
}

/* Sizes of the records that carried `total` bytes, as the other side reads them one by one. */
static size_t largest_record(struct bench *b, size_t total)
{
	static char data[100000], got[65536];
	struct iovec iov = { data, total };
	size_t received = 0, largest = 0;
	ssize_t sent = conn_writev(&b->server.conn, &iov, 1);
	assert_int_equal(sent, total);
	while (received < total) {
		loop_once(&b->loop, 0);
		ssize_t n = conn_recv(&b->client.conn, got, sizeof(got));
		if (n == -EAGAIN)
			continue;
		assert_true(n > 0);
		largest = (size_t)n > largest ? (size_t)n : largest;
		received += (size_t)n;
	}
	return largest;
}

static void records_start_small_and_do_so_again_after_a_pause(void **state)
{
	struct bench b;
	(void)state;
	setup(&b, NULL, NULL);
	connect_sides(&b, "a.test");
	shake_well(&b);
	assert_int_equal(largest_record(&b, 40000), RECORD_SMALL);
	assert_int_equal(largest_record(&b, 60000), RECORD_MAX);
	b.server.tls->written_ns -= 2 * PAUSE_NS;
	b.loop.now_ns += 1;
	assert_int_equal(largest_record(&b, 30000), RECORD_SMALL);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_whatever_the_socket_takes),
		cmocka_unit_test(facts_are_known_after_the_handshake),
		cmocka_unit_test(the_second_connection_resumes),
		cmocka_unit_test(an_end_is_told_from_a_cut),
		cmocka_unit_test(a_reset_says_no_goodbye),
		cmocka_unit_test(a_ticket_alone_is_nothing_to_receive),
		cmocka_unit_test(an_untrusted_server_is_refused),
		cmocka_unit_test(a_clients_certificate_is_taken_apart),
		cmocka_unit_test(a_missing_client_certificate_is_refused),
		cmocka_unit_test(records_start_small_and_do_so_again_after_a_pause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
