/* Addresses as configuration writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "model/address.c"

static void test_entry_points(void **state)
{
	static const struct {
		const char *text;
		bool ok, udp;
		uint16_t port, last;
	} t[] = {
		{ ":80", true, false, 80 },
		{ "127.0.0.1:8000/tcp", true, false, 8000 },
		{ "[::1]:53/UDP", true, true, 53 },
		{ "0.0.0.0:65535", true, false, 65535 },
		{ ":0", false },
		{ ":65536", false },
		{ "80", false },
		{ "localhost:80", false },
		{ ":80/sctp", false },
		{ ":80/", false },
		{ "::1:80", false },
		{ "", false },
		{ ":", false },
		{ "1.2.3.4", false },
		{ ":80/tcp/udp", false },
		{ "[1.2.3.4:80", false },
		{ "198.18.0.10:8000-8099/udp", true, true, 8000, 8099 },
		{ "[fd00::10]:1-65535", true, false, 1, 65535 },
		{ "198.18.0.10:*", true, false, 0, 65535 },
		{ "198.18.0.10:80-80", false },
		{ "198.18.0.10:81-80", false },
		{ "198.18.0.10:0-80", false },
		{ "198.18.0.10:80-", false },
		{ "198.18.0.10:80-65536", false },
		{ "198.18.0.10:*-80", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct listen_at at = { 0 };

		if ((address_parse(t[i].text, &at) == 0) != t[i].ok || at.at.port != t[i].port ||
		    at.last != t[i].last || at.udp != t[i].udp)
			fail_msg("%s", t[i].text);
		assert_int_equal(address_problem(t[i].text) == NULL, t[i].ok);
	}
}

static void test_urls(void **state)
{
	static const struct {
		const char *text, *scheme, *host, *path;
		uint16_t port;
	} t[] = {
		{ "http://1.2.3.4:8080", "http", "1.2.3.4", "", 8080 },
		{ "http://a.test", "http", "a.test", "", 80 },
		{ "HTTP://a_b-c.test:1/x?y", "HTTP", "a_b-c.test", "/x?y", 1 },
		{ "h2c://[fd00::1]:65535/", "h2c", "fd00::1", "/", 65535 },
		{ "http://[::1]", "http", "::1", "", 80 },
	};
	static const char *const bad[] = { "",
					   "a.test:80",
					   "http:/a",
					   "http://",
					   "http://:80",
					   "http://a:",
					   "http://a:0",
					   "http://a:65536",
					   "http://u@a",
					   "http://10.0.0.300",
					   "http://1.2.3",
					   "http://[::1",
					   "http://[::1]x",
					   "http://[1.2.3.4]",
					   "http://::1",
					   "http://a b",
					   "http://-a",
					   "http://a?x" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct address_url u;

		assert_int_equal(address_parse_url(t[i].text, &u), 0);
		assert_true(str_eq(u.scheme, str_of(t[i].scheme)) && str_eq(u.host, str_of(t[i].host)) &&
			    str_eq(u.path, str_of(t[i].path)));
		assert_int_equal(u.port, t[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct address_url u;

		if (address_parse_url(bad[i], &u) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *text;
		int bits;
	} t[] = { { "10.0.0.0/8", 104 }, { "10.0.0.1", 128 }, { "fd00::/8", 8 },
		  { "::1", 128 },	 { "0.0.0.0/0", 96 }, { "10.0.0.0/33", -1 },
		  { "fd00::/129", -1 },	 { "a.test/8", -1 },  { "10.0.0.0/", -1 },
		  { "10.0.0.0/x", -1 },	 { "", -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct addr a;
		unsigned bits = 0;
		int r = address_parse_prefix(str_of(t[i].text), &a, &bits);

		if ((r == 0) != (t[i].bits >= 0) || (!r && (int)bits != t[i].bits))
			fail_msg("%s: %d %u", t[i].text, r, bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_points),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
