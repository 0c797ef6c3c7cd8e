/* Path normalisation, routing paths, hosts and server URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/mem.h"
#include "http/uri.c"

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))

static void expect_str(const char *input, struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("%s: got \"%.*s\", want \"%s\"", input, STR_ARG(got), want);
}

static void normalise_escapes_and_segments(void **state)
{
	static const struct {
		const char *in, *raw, *clean; /* result without and with sanitising */
	} rows[] = {
		{ "/", "/", "/" },
		{ "", "/", "/" },
		{ "*", "*", "*" },
		{ "/a/b", "/a/b", "/a/b" },
		{ "/a/b/", "/a/b/", "/a/b/" },
		{ "/a.b/..c/d../.e", "/a.b/..c/d../.e", "/a.b/..c/d../.e" },
		{ "/%61dmin", "/admin", "/admin" },
		{ "/%7euser/%2D%5f%41%39", "/~user/-_A9", "/~user/-_A9" },
		{ "/a%2fb", "/a%2Fb", "/a%2Fb" },
		{ "/a%2Fb", "/a%2Fb", "/a%2Fb" },
		{ "/foo%20bar%c3%a9", "/foo%20bar%C3%A9", "/foo%20bar%C3%A9" },
		{ "/%2561", "/%2561", "/%2561" }, /* decoded once only */
		{ "/a/b/../", "/a/b/../", "/a/" },
		{ "/a/b/..", "/a/b/..", "/a" },
		{ "/../../b", "/../../b", "/b" },
		{ "/..///b///", "/..///b///", "/b/" },
		{ "//a", "//a", "/a" },
		{ "//", "//", "/" },
		{ "/.", "/.", "/" },
		{ "/..", "/..", "/" },
		{ "/./a/./b/.", "/./a/./b/.", "/a/b" },
		{ "/a/./", "/a/./", "/a/" },
		{ "/a/..", "/a/..", "/" },
		{ "/a/../..", "/a/../..", "/" },
		{ "/a/%2e%2E/b", "/a/../b", "/b" },
		{ "/a/.%2e/b", "/a/../b", "/b" },
		{ "/a/%2e/b", "/a/./b", "/a/b" },
		{ "/a%2f..%2fb", "/a%2F..%2Fb", "/a%2F..%2Fb" }, /* an escaped slash separates nothing */
		{ "/...", "/...", "/..." },
		{ "a/b", "a/b", "/a/b" },
		{ "../a", "../a", "/a" },
		{ "/a;x=1/b", "/a;x=1/b", "/a;x=1/b" },
		{ "/\xc3\xa9", "/\xc3\xa9", "/\xc3\xa9" },
	};
	struct arena a;
	struct str out;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(uri_normalise(&a, str_of(rows[i].in), false, &out), 0);
		expect_str(rows[i].in, out, rows[i].raw);
		assert_int_equal(uri_normalise(&a, str_of(rows[i].in), true, &out), 0);
		expect_str(rows[i].in, out, rows[i].clean);
	}
	arena_reset(&a);
}

static void broken_paths_are_refused(void **state)
{
	static const struct str rows[] = {
		{ "/%", 2 },   { "/%4", 3 },   { "/%4x", 4 },	{ "/%g1", 4 },	{ "/a%%41", 6 }, { "%", 1 },
		{ "/a b", 4 }, { "/a\tb", 4 }, { "/a\x7f", 3 }, { "/a\0b", 4 }, { "/\r\n", 3 },	 { "/% 1", 4 },
	};
	struct arena a;
	struct str out = STR("untouched");

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(uri_normalise(&a, rows[i], true, &out), -EINVAL);
		assert_int_equal(uri_normalise(&a, rows[i], false, &out), -EINVAL);
	}
	assert_true(str_eq(out, STR("untouched")));
	arena_reset(&a);
}

static void a_clean_path_is_not_copied(void **state)
{
	static const char *const rows[] = { "/", "/a", "/api/v1/users/42", "/a%20b/%2F", "/a.b/...", "*" };
	struct arena a;
	struct str out;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(uri_normalise(&a, str_of(rows[i]), true, &out), 0);
		assert_ptr_equal(out.p, rows[i]);
	}
	assert_int_equal(uri_routing_path(&a, STR("/plain/path"), &out), 0);
	assert_int_equal(uri_routing_path(&a, STR("/a%2Fb"), &out), 0);
	assert_int_equal(a.used, 0);
	arena_reset(&a);
}

static void the_limit_of_the_arena_is_an_error(void **state)
{
	struct arena a;
	struct str out;

	(void)state;
	arena_init_source(&a, NULL, 16);
	assert_int_equal(uri_normalise(&a, STR("/%61/a/very/long/path/indeed/it/is"), true, &out), -ENOMEM);
	assert_int_equal(uri_routing_path(&a, STR("/%20/a/very/long/path/indeed/it/is"), &out), -ENOMEM);
	arena_reset(&a);
}

/* What comes out is stable: a second time nothing changes, there are no dot segments and no double slashes. */
static void normalising_twice_changes_nothing(void **state)
{
	static const char *const parts[] = { "/", "/", ".", "..", "a", "%2e", "%2F", "%61", "%c3", "b" };
	struct rng rng;
	struct arena a;

	(void)state;
	rng_seed(&rng, 7);
	arena_init(&a);
	for (int i = 0; i < 20000; i++) {
		char text[64] = "/";
		struct str once, twice;

		for (unsigned n = rng_below(&rng, 12); n > 0; n--)
			strcat(text, parts[rng_below(&rng, ROWS(parts))]);
		assert_int_equal(uri_normalise(&a, str_of(text), true, &once), 0);
		assert_int_equal(uri_normalise(&a, once, true, &twice), 0);
		assert_ptr_equal(once.p, twice.p);
		assert_int_equal(once.p[0], '/');
		assert_true(once.n <= strlen(text));
		for (size_t k = 1; k < once.n; k++)
			assert_false(once.p[k] == '/' && once.p[k - 1] == '/');
		arena_reset(&a);
	}
}

static void routing_paths_keep_reserved_escapes(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: -EINVAL */
	} rows[] = {
		{ "/foo%20bar", "/foo bar" },
		{ "/a%2Fb", "/a%2Fb" },
		{ "/a%2fb", "/a%2Fb" },
		{ "/%61dmin", "/admin" },
		{ "/%C3%A9", "/\xc3\xa9" },
		{ "/%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25",
		  "/%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25" },
		{ "/%3a%2f%3f", "/%3A%2F%3F" },
		{ "/%22%3C%3E%5C%5E%60%7B%7C%7D%7F", "/\"<>\\^`{|}\x7f" },
		{ "", "" },
		{ "/%", NULL },
		{ "/%zz", NULL },
		{ "/%20%2", NULL },
	};
	struct arena a;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct str out;

		assert_int_equal(uri_routing_path(&a, str_of(rows[i].in), &out), rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			expect_str(rows[i].in, out, rows[i].want);
	}
	arena_reset(&a);
}

static void hosts_have_one_form(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: -EINVAL */
		bool same;	       /* not copied */
	} rows[] = {
		{ "example.com", "example.com", true },
		{ "Example.COM.:8080", "example.com", false },
		{ "example.com.", "example.com", true },
		{ "example.com:80", "example.com", true },
		{ "example.com:", "example.com", true },
		{ "", "", true },
		{ ":80", "", true },
		{ "[::1]:80", "::1", false },
		{ "[2001:DB8::A]", "2001:db8::a", false },
		{ "127.0.0.1:65535", "127.0.0.1", true },
		{ "a_b-c~d", "a_b-c~d", true },
		{ "*.example.com", "*.example.com", true },
		{ "example.com:65536", NULL },
		{ "example.com:80a", NULL },
		{ "example.com:-1", NULL },
		{ "example.com: 80", NULL },
		{ "::1", NULL },
		{ "[::1", NULL },
		{ "[]", NULL },
		{ "[zz::1]", NULL },
		{ "[127.0.0.1]", NULL },
		{ "[[::1]]", NULL },
		{ "[::1]x", NULL },
		{ "[::1%25eth0]", NULL },
		{ "a b", NULL },
		{ "a/b", NULL },
		{ "a@b", NULL },
		{ "a#b", NULL },
		{ "a?b", NULL },
		{ "a\\b", NULL },
		{ "a%41", NULL },
		{ "a..b", NULL },
		{ "a..", NULL },
		{ ".", NULL },
		{ "caf\xc3\xa9", NULL },
		{ "a\x7f", NULL },
	};
	char buf[URI_HOST_MAX];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct str out = { 0 };
		int r = uri_canonical_host(str_of(rows[i].in), buf, sizeof(buf), &out);

		if (r != (rows[i].want ? 0 : -EINVAL))
			fail_msg("%s: %d", rows[i].in, r);
		if (!rows[i].want)
			continue;
		expect_str(rows[i].in, out, rows[i].want);
		assert_int_equal(out.p == rows[i].in, rows[i].same);
	}
	assert_int_equal(uri_canonical_host(str_mk("a\0b", 3), buf, sizeof(buf), &(struct str){ 0 }), -EINVAL);
}

static void hosts_have_a_length(void **state)
{
	char text[URI_HOST_MAX + 2], buf[URI_HOST_MAX];
	struct str out;

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_int_equal(uri_canonical_host(str_mk(text, URI_HOST_MAX), buf, sizeof(buf), &out), 0);
	assert_int_equal(out.n, URI_HOST_MAX);
	assert_int_equal(uri_canonical_host(str_mk(text, URI_HOST_MAX + 1), buf, sizeof(buf), &out), -ENOBUFS);
	assert_int_equal(uri_canonical_host(str_mk(text, 9), buf, 8, &out), -ENOBUFS);
	memset(text, 'a', sizeof(text));
	assert_int_equal(uri_canonical_host(str_mk(text, URI_HOST_MAX + 1), buf, sizeof(buf), &out), -ENOBUFS);
	assert_int_equal(uri_canonical_host(str_mk(text, 9), buf, 0, &out), 0);
}

static void ports_of_hosts(void **state)
{
	static const struct {
		const char *in;
		uint16_t port;
	} rows[] = {
		{ "a", 0 },
		{ "a:80", 80 },
		{ "a:0", 0 },
		{ "a:65535", 65535 },
		{ "a:65536", 0 },
		{ "a:x", 0 },
		{ "[::1]:443", 443 },
		{ "[::1]", 0 },
		{ "", 0 },
		{ ":8080", 8080 },
		{ "a:99999999999999999999", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(uri_host_port(str_of(rows[i].in)), rows[i].port);
}

static void urls_of_servers(void **state)
{
	static const struct {
		const char *in, *scheme, *host;
		uint16_t port;
		const char *path;
		bool bracketed;
	} rows[] = {
		{ "http://127.0.0.1:8080", "http", "127.0.0.1", 8080, "" },
		{ "http://Example.com", "http", "Example.com", 0, "" },
		{ "https://a/b/c?d=e", "https", "a", 0, "/b/c?d=e" },
		{ "https://a?d=e", "https", "a", 0, "?d=e" },
		{ "h2c://[::1]:9000/", "h2c", "::1", 9000, "/", true },
		{ "http://[fd00::1]", "http", "fd00::1", 0, "", true },
		{ "a+b-c.d://x", "a+b-c.d", "x", 0, "" },
	};
	static const char *const bad[] = {
		"",	      "http",	      "http:",	    "http:/a",	   "http://",	     "://a",
		"1a://b",     "http://:80",   "http://a:0", "http://a:",   "http://a:65536", "http://u@a",
		"http://a#b", "http://a/#b",  "http://a b", "http://a/ b", "http://[::1",    "http://::1",
		"ht_tp://a",  "127.0.0.1:80",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct uri u;

		assert_int_equal(uri_parse(str_of(rows[i].in), &u), 0);
		expect_str(rows[i].in, u.scheme, rows[i].scheme);
		expect_str(rows[i].in, u.host, rows[i].host);
		expect_str(rows[i].in, u.path, rows[i].path);
		assert_int_equal(u.port, rows[i].port);
		assert_int_equal(u.bracketed, rows[i].bracketed);
	}
	for (size_t i = 0; i < ROWS(bad); i++) {
		struct uri u = { .port = 7 };

		if (uri_parse(str_of(bad[i]), &u) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(u.port, 7);
	}
}

static void escapes(void **state)
{
	static const struct {
		const char *path;
		unsigned want;
	} cases[] = {
		{ "/", 0 },
		{ "/a/b;c", 0 },
		{ "/%2F", URI_ESC_SLASH },
		{ "/%5C%00", URI_ESC_BACKSLASH | URI_ESC_NUL },
		{ "/%3B%25%3F%23", URI_ESC_SEMICOLON | URI_ESC_PERCENT | URI_ESC_QUESTION | URI_ESC_HASH },
		{ "/%252F", URI_ESC_PERCENT }, /* not decoded twice */
		{ "/%20%C3%A9", 0 },
		{ "/%2", 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(uri_escapes(str_of(cases[i].path)), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(normalise_escapes_and_segments),
		cmocka_unit_test(broken_paths_are_refused),
		cmocka_unit_test(a_clean_path_is_not_copied),
		cmocka_unit_test(the_limit_of_the_arena_is_an_error),
		cmocka_unit_test(normalising_twice_changes_nothing),
		cmocka_unit_test(routing_paths_keep_reserved_escapes),
		cmocka_unit_test(hosts_have_one_form),
		cmocka_unit_test(hosts_have_a_length),
		cmocka_unit_test(ports_of_hosts),
		cmocka_unit_test(urls_of_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
