/* Unit tests of base/addr: parsing, printing, conversion. */
#include "base/addr.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"

static void test_parse_and_print(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "1.2.3.4", "1.2.3.4" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "[::1]", "::1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "fe80::", "fe80::" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::1234:5678", "::1234:5678" },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "0:1::", "0:1::" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[ADDR_TEXT_MAX];
		struct addr a, back;

		assert_int_equal(addr_parse(str_of(cases[i].in), &a), 0);
		addr_print(&a, text);
		assert_string_equal(text, cases[i].out);
		assert_int_equal(addr_parse(str_of(text), &back), 0);
		assert_true(addr_eq(&a, &back));
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"[]",
		"[",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		" ::1",
		"[1.2.3.4]",
		"::g",
		":::",
		"fe80::1%eth0",
		"localhost",
		"[::1",
		"::1]",
		"0x7f.1",
		"1:2:3:4:5:6:7:8:9",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(addr_parse(str_of(cases[i]), &a), -EINVAL);
	assert_int_equal(addr_parse(str_mk("::1\0", 4), &a), -EINVAL);
}

static struct addr parsed(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), 0);
	return a;
}

static void test_properties(void **state)
{
	struct addr a = parsed("127.8.9.1"), b = parsed("::1"), c = parsed("128.0.0.1"), d = parsed("::2"),
		    z4 = parsed("0.0.0.0");

	(void)state;
	assert_true(addr_is_v4(&a));
	assert_false(addr_is_v4(&b));
	assert_true(addr_is_loopback(&a) && addr_is_loopback(&b));
	assert_false(addr_is_loopback(&c) || addr_is_loopback(&d) || addr_is_loopback(&addr_any6));
	assert_true(addr_is_any(&z4) && addr_is_any(&addr_any4) && addr_is_any(&addr_any6));
	assert_false(addr_is_any(&b) || addr_is_any(&a));
	assert_true(addr_eq(&z4, &addr_any4));
	assert_false(addr_eq(&addr_any4, &addr_any6));
}

static void test_endpoint(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "1.2.3.4:80", "1.2.3.4:80" }, { ":80", "[::]:80" },
		{ "[::]:80", "[::]:80" },	{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "0.0.0.0:0", "0.0.0.0:0" },
	};
	static const char *const refused[] = {
		"",
		":",
		"80",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:65536",
		"1.2.3.4:-1",
		"1.2.3.4:+1",
		"1.2.3.4:000080",
		"::1:80",
		"[::1]",
		"[::1]80",
		"localhost:80",
		"1.2.3.4:80 ",
		"[1.2.3.4]:80",
		"*:80",
		"[]:80",
		"1.2.3.4:http",
	};
	struct endpoint e, f;
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(endpoint_parse(str_of(cases[i].in), &e), 0);
		endpoint_print(&e, text);
		assert_string_equal(text, cases[i].out);
		assert_int_equal(endpoint_parse(str_of(text), &f), 0);
		assert_true(endpoint_eq(&e, &f));
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(endpoint_parse(str_of(refused[i]), &e), -EINVAL);
}

static void test_sockaddr(void **state)
{
	static const char *const cases[] = { "1.2.3.4:80", "[2001:db8::1]:443", "[::]:0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage sa;
		struct endpoint e, back;

		assert_int_equal(endpoint_parse(str_of(cases[i]), &e), 0);
		assert_int_equal(endpoint_to_sockaddr(&e, &sa),
				 i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(sa.ss_family, i ? AF_INET6 : AF_INET);
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&sa, &back), 0);
		assert_true(endpoint_eq(&e, &back));
		sa.ss_family = AF_UNIX;
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&sa, &back), -EAFNOSUPPORT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_print), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_properties),	cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_sockaddr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
