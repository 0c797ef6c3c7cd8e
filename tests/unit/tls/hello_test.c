/* ClientHellos: whole, cut at every byte, spread over records, with every length wrong; and one that OpenSSL made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/ssl.h>
#include "base/buf.h"
#include "tls/hello.c"

static char scratch[HELLO_MAX];

static void put(struct buf *b, unsigned v, int bytes)
{
	while (bytes-- > 0)
		buf_char(b, (char)(v >> 8 * bytes));
}

static void put_vector(struct buf *b, struct str body, int length_bytes)
{
	put(b, (unsigned)body.n, length_bytes);
	buf_str(b, body);
}

static void put_extension(struct buf *b, unsigned type, struct str body)
{
	put(b, type, 2);
	put_vector(b, body, 2);
}

static struct str server_name(struct buf *b, struct str name)
{
	struct buf list = { 0 };
	buf_init(&list, 0);
	put(&list, 0, 1);
	put_vector(&list, name, 2);
	buf_init(b, 0);
	put_vector(b, buf_view(&list), 2);
	buf_free(&list);
	return buf_view(b);
}

/* The handshake message, without record headers. */
static void make_message(struct buf *out, struct str name, struct str alpn)
{
	struct buf body, exts, ext;
	buf_init(&body, 0);
	buf_init(&exts, 0);
	put_extension(&exts, 10, STR("\0\2\0\35"));
	if (name.p) {
		put_extension(&exts, EXT_SERVER_NAME, server_name(&ext, name));
		buf_free(&ext);
	}
	if (alpn.p)
		put_extension(&exts, EXT_ALPN, alpn);
	put(&body, 0x0303, 2);
	for (int i = 0; i < 32; i++)
		buf_char(&body, (char)i);
	put_vector(&body, STR("0123456789abcdef"), 1);
	put_vector(&body, STR("\x13\x01\x13\x02"), 2);
	put_vector(&body, STR("\0"), 1);
	put_vector(&body, buf_view(&exts), 2);
	buf_init(out, 0);
	put(out, CLIENT_HELLO, 1);
	put_vector(out, buf_view(&body), 3);
	buf_free(&body);
	buf_free(&exts);
}

static void put_record(struct buf *out, struct str fragment)
{
	put(out, 0x160301, 3);
	put_vector(out, fragment, 2);
}

static void make(struct buf *out, struct str name, struct str alpn)
{
	struct buf message;
	make_message(&message, name, alpn);
	buf_init(out, 0);
	put_record(out, buf_view(&message));
	buf_free(&message);
}

static int parse(const struct buf *b, struct hello *h)
{
	return hello_parse(b->p, b->n, scratch, h);
}

static void name_and_protocols_are_found(void **state)
{
	struct buf b;
	struct hello h;
	(void)state;
	make(&b, STR("a.test"), STR("\0\x0c\2h2\x08http/1.1"));
	assert_int_equal(parse(&b, &h), 0);
	assert_string_equal(h.sni, "a.test");
	assert_int_equal(h.nalpn, 2);
	assert_true(str_eq(h.alpn[0], STR("h2")) && str_eq(h.alpn[1], STR("http/1.1")));
	buf_free(&b);
}

static void every_cut_needs_more(void **state)
{
	struct buf b;
	struct hello h;
	(void)state;
	make(&b, STR("a.test"), STR("\0\3\2h2"));
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(hello_parse(b.p, n, scratch, &h), -EAGAIN);
	assert_int_equal(parse(&b, &h), 0);
	buf_free(&b);
}

static void records_may_split_it_anywhere(void **state)
{
	struct buf message;
	(void)state;
	make_message(&message, STR("split.test"), STR("\0\3\2h2"));
	for (size_t at = 1; at < message.n; at++) {
		struct buf b;
		struct hello h;
		buf_init(&b, 0);
		put_record(&b, str_mk(message.p, at));
		assert_int_equal(parse(&b, &h), -EAGAIN);
		put_record(&b, str_mk(message.p + at, message.n - at));
		assert_int_equal(parse(&b, &h), 0);
		assert_string_equal(h.sni, "split.test");
		assert_int_equal(h.nalpn, 1);
		buf_free(&b);
	}
	buf_free(&message);
}

static void names_are_made_comparable(void **state)
{
	static const struct {
		struct str sent;
		const char *kept;
	} cases[] = {
		{ STR("A.Test"), "a.test" },
		{ STR("a.test."), "a.test" },
		{ STR("a b"), "" },
		{ STR("a\0b"), "" },
		{ STR("."), "" },
		{ STR("\xc3\xa4.test"), "" },
		{ STR("a"), "a" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;
		struct hello h;
		make(&b, cases[i].sent, (struct str){ 0 });
		assert_int_equal(parse(&b, &h), 0);
		assert_string_equal(h.sni, cases[i].kept);
		assert_int_equal(h.sni_len, strlen(cases[i].kept));
		buf_free(&b);
	}
}

static void names_have_a_length(void **state)
{
	char name[300];
	struct buf b;
	struct hello h;
	(void)state;
	memset(name, 'a', sizeof(name));
	make(&b, str_mk(name, HELLO_SNI_MAX), (struct str){ 0 });
	assert_int_equal(parse(&b, &h), 0);
	assert_int_equal(h.sni_len, HELLO_SNI_MAX);
	buf_free(&b);
	make(&b, str_mk(name, HELLO_SNI_MAX + 1), (struct str){ 0 });
	assert_int_equal(parse(&b, &h), 0);
	assert_int_equal(h.sni_len, 0);
	buf_free(&b);
}

/* One byte of any length changed: never a crash, never another name. */
static void a_changed_byte_is_no_other_name(void **state)
{
	struct buf b;
	(void)state;
	make(&b, STR("a.test"), STR("\0\3\2h2"));
	for (size_t i = 0; i < b.n; i++)
		for (int change = 1; change < 256; change += 41) {
			struct hello h;
			char was = b.p[i];
			b.p[i] = (char)(was + change);
			int rc = parse(&b, &h);
			assert_true(rc == 0 || rc == -EAGAIN || rc == -EBADMSG);
			assert_true(h.sni_len <= 6);
			b.p[i] = was;
		}
	buf_free(&b);
}

static void what_is_none_is_refused(void **state)
{
	static const struct str cases[] = {
		STR("GET / HTTP/1.1\r\n\r\n"),	   STR("\x16\x02\x01\0\5\1\0\0\1\0"),
		STR("\x16\x03\x01\0\0"),	   STR("\x16\x03\x01\0\5\2\0\0\1\0"),
		STR("\x16\x03\x01\0\5\1\0\0\1\0"), STR("\x16\x03\x01\0\4\1\xff\xff\xff"),
		STR("\x16\x03\x01\xff\xff\1"),
	};
	struct hello h;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hello_parse(cases[i].p, cases[i].n, scratch, &h), -EBADMSG);
}

static void openssl_makes_one_we_read(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	struct hello h;
	char *p;
	(void)state;
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_set_tlsext_host_name(ssl, "Real.Test");
	SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2", 3);
	assert_int_equal(SSL_connect(ssl), -1);
	long n = BIO_get_mem_data(out, &p);
	assert_int_equal(hello_parse(p, (size_t)n, scratch, &h), 0);
	assert_string_equal(h.sni, "real.test");
	assert_true(h.nalpn == 1 && str_eq(h.alpn[0], STR("h2")));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_and_protocols_are_found),	 cmocka_unit_test(every_cut_needs_more),
		cmocka_unit_test(records_may_split_it_anywhere), cmocka_unit_test(names_are_made_comparable),
		cmocka_unit_test(names_have_a_length),		 cmocka_unit_test(a_changed_byte_is_no_other_name),
		cmocka_unit_test(what_is_none_is_refused),	 cmocka_unit_test(openssl_makes_one_we_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
