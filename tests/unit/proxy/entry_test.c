/* What an entry point's options do to requests. */
#include "http/uri.h"
#include "proxy/exchange.h"

static struct message_text m;

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void end(struct exchange *x, struct peer *c, struct peer *s)
{
	peer_close(c);
	if (s)
		peer_close(s);
	exchange_settles(x, 0, 0);
	prefix_set_free(&x->entry.trusted);
	prefix_set_free(&x->entry.proxies);
	exchange_end(x);
}

static void trust(struct prefix_set *s, const char *text)
{
	struct prefix p;
	assert_int_equal(prefix_parse(str_of(text), &p), 0);
	prefix_set_add(s, &p);
	prefix_set_finish(s);
}

/* One request with these options; the head that reached the server is in m. */
static void pass(struct exchange *x, const char *request)
{
	exchange_start(x);
	struct peer c = client_connect(x);
	peer_say(&c, request);
	struct peer s = origin_accept(x);
	expect_request(&s, "GET ", "", &m);
	static struct message_text answer;
	peer_say(&s, OK_2);
	expect_response(&c, 200, "ok", &answer);
	end(x, &c, &s);
}

/* One request that these options refuse with 400. */
static void refuse(struct exchange *x, const char *request, const char *body, enum reason why)
{
	exchange_start(x);
	struct peer c = client_connect(x);
	peer_say(&c, request);
	expect_response(&c, 400, body, &m);
	assert_int_equal(exchange_last(x, 1)->reason, why);
	end(x, &c, NULL);
}

/* --- PROXY protocol */

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void proxy_header_of_a_friend(void **state)
{
	static const struct {
		const char *header, *want;
	} cases[] = {
		{ "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n", "X-Forwarded-For: 192.0.2.7\r\n" },
		{ "PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n", "X-Forwarded-For: 2001:db8::7\r\n" },
		{ "PROXY UNKNOWN\r\n", "X-Forwarded-For: 127.0.0.1\r\n" },
		{ "", "X-Forwarded-For: 127.0.0.1\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxy_protocol_conf conf = { .insecure = i == 1 };
		struct exchange x;
		char text[200];
		exchange_init(&x);
		x.conf.proxy_protocol = &conf;
		if (!conf.insecure)
			trust(&x.entry.proxies, "127.0.0.0/8");
		snprintf(text, sizeof(text), "%s%s", cases[i].header, GET);
		pass(&x, text);
		expect_has(&m, cases[i].want);
	}
}

/* Trust in X-Forwarded-For is about who the PROXY protocol says it is. */
static void proxy_header_and_trust(void **state)
{
	struct proxy_protocol_conf conf = { .insecure = true };
	(void)state;
	for (int stranger = 0; stranger < 2; stranger++) {
		struct exchange x;
		char text[300];
		exchange_init(&x);
		x.conf.proxy_protocol = &conf;
		trust(&x.entry.trusted, "192.0.2.7");
		snprintf(text, sizeof(text),
			 "PROXY TCP4 192.0.2.%d 1.1.1.1 1 1\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: "
			 "9.9.9.9\r\n\r\n",
			 stranger ? 8 : 7);
		pass(&x, text);
		expect_has(&m, stranger ? "X-Forwarded-For: 192.0.2.8\r\n" : "X-Forwarded-For: 9.9.9.9, 192.0.2.7\r\n");
	}
}

static void proxy_header_of_a_stranger(void **state)
{
	struct proxy_protocol_conf conf = { 0 };
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.proxy_protocol = &conf;
	trust(&x.entry.proxies, "192.0.2.0/24");
	refuse(&x, "PROXY TCP4 192.0.2.7 1.1.1.1 1 1\r\n" GET, "Bad Request", REASON_BAD_REQUEST);
}

static void broken_proxy_header(void **state)
{
	struct proxy_protocol_conf conf = { .insecure = true };
	struct exchange x;
	(void)state;
	exchange_init(&x);
	x.conf.proxy_protocol = &conf;
	exchange_start(&x);
	struct peer c = client_connect(&x);
	peer_say(&c, "PROXY TCP4 nonsense\r\n" GET);
	expect_gone(&c); /* nobody is there who would understand an answer */
	end(&x, &c, NULL);
}

/* --- forwarded headers */

static void forwarded_for_is_not_appended(void **state)
{
	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		struct exchange x;
		exchange_init(&x);
		x.conf.forwarded.not_append_for = true;
		x.conf.forwarded.insecure = trusted;
		pass(&x, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n");
		if (trusted)
			expect_has(&m, "\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n");
		else
			expect_has_not(&m, "X-Forwarded-For");
	}
}

static void scheme_under_more_names(void **state)
{
	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		struct exchange x;
		exchange_init(&x);
		x.conf.forwarded.add_scheme = true;
		x.conf.forwarded.insecure = trusted;
		pass(&x, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Scheme: ftp\r\n\r\n");
		expect_has(&m, trusted ? "\r\nX-Forwarded-Scheme: https\r\nX-Scheme: https\r\n"
				       : "\r\nX-Forwarded-Scheme: http\r\nX-Scheme: http\r\n");
		expect_has_not(&m, "ftp");
	}
}

/* --- paths, queries, names */

static void encoded_characters(void **state)
{
	static const struct {
		unsigned denied;
		const char *path;
		bool refused;
	} cases[] = {
		{ URI_ESC_SLASH, "/a%2fb", true },	{ URI_ESC_SLASH, "/a%5cb", false },
		{ URI_ESC_BACKSLASH, "/a%5Cb", true },	{ URI_ESC_NUL, "/%00", true },
		{ URI_ESC_SEMICOLON, "/%3b", true },	{ URI_ESC_PERCENT, "/%252f", true },
		{ URI_ESC_SLASH, "/%252f", false },	{ URI_ESC_QUESTION, "/%3f", true },
		{ URI_ESC_HASH, "/%23", true },		{ URI_ESC_HASH, "/?%23", false }, /* the path is what counts */
		{ 0, "/%2f%5c%00%3b%25%3f%23", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct exchange x;
		char text[100];
		exchange_init(&x);
		x.entry.denied_escapes = (uint8_t)cases[i].denied;
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].path);
		if (cases[i].refused)
			refuse(&x, text, "", REASON_ENCODED_CHARACTER);
		else
			pass(&x, text);
	}
}

static void semicolons(void **state)
{
	(void)state;
	for (int encode = 0; encode < 2; encode++) {
		struct exchange x;
		exchange_init(&x);
		x.conf.http.encode_query_semicolons = encode;
		pass(&x, "GET /a;b?c;d=;;&e HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_true(str_starts(str_of(m.head), str_of(encode ? "GET /a;b?c%3Bd=%3B%3B&e HTTP/1.1\r\n"
								     : "GET /a;b?c&d=&&&e HTTP/1.1\r\n")));
	}
}

static void underscores(void **state)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX_One: 1\r\nX-Two: 2\r\n_: 3\r\nX-Thr_ee: 4\r\n\r\n";
	struct exchange x;
	(void)state;
	exchange_init(&x);
	pass(&x, request);
	expect_has(&m, "\r\nX_One: 1\r\nX-Two: 2\r\n_: 3\r\nX-Thr_ee: 4\r\n");
	exchange_init(&x);
	x.conf.http.underscores = UNDERSCORES_DELETE;
	pass(&x, request);
	expect_has(&m, "\r\nX-Two: 2\r\nX-Forwarded");
	expect_has_not(&m, "_");
	exchange_init(&x);
	x.conf.http.underscores = UNDERSCORES_REJECT;
	refuse(&x, request, "Bad Request", REASON_BAD_REQUEST);
	exchange_init(&x);
	x.conf.http.underscores = UNDERSCORES_REJECT;
	pass(&x, "GET / HTTP/1.1\r\nHost: a\r\nX-Two: a_b\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxy_header_of_a_friend),
		cmocka_unit_test(proxy_header_and_trust),
		cmocka_unit_test(proxy_header_of_a_stranger),
		cmocka_unit_test(broken_proxy_header),
		cmocka_unit_test(forwarded_for_is_not_appended),
		cmocka_unit_test(scheme_under_more_names),
		cmocka_unit_test(encoded_characters),
		cmocka_unit_test(semicolons),
		cmocka_unit_test(underscores),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
