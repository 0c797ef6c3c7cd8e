/* Status lines and reason phrases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "http/status.c"

static void lines_and_reasons_agree(void **state)
{
	unsigned known = 0;

	(void)state;
	for (unsigned code = 0; code < 1000; code++) {
		struct str line = status_line(code), reason = status_reason(code);
		char want[80];
		int n = snprintf(want, sizeof(want), "HTTP/1.1 %03u %.*s\r\n", code, STR_ARG(reason));

		if (reason.n == 0) {
			assert_int_equal(line.n, 0);
			continue;
		}
		known++;
		assert_int_equal(line.n, n);
		assert_memory_equal(line.p, want, line.n);
	}
	assert_int_equal(known, 63);
}

static void phrases_are_those_of_go(void **state)
{
	static const struct {
		unsigned code;
		struct str reason;
	} rows[] = {
		{ 100, { "Continue", 8 } },	 { 200, { "OK", 2 } },
		{ 404, { "Not Found", 9 } },	 { 413, { "Request Entity Too Large", 24 } },
		{ 418, { "I'm a teapot", 12 } }, { 499, { "Client Closed Request", 21 } },
		{ 502, { "Bad Gateway", 11 } },	 { 511, { "Network Authentication Required", 31 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(str_eq(status_reason(rows[i].code), rows[i].reason));
}

static void unknown_codes_are_empty(void **state)
{
	static const unsigned codes[] = { 0, 99, 104, 199, 306, 419, 512, 599, 600, 100000 };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(status_reason(codes[i]).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_and_reasons_agree),
		cmocka_unit_test(phrases_are_those_of_go),
		cmocka_unit_test(unknown_codes_are_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
