/* Header name lookup: every name in any case, near misses, and what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "http/token.c"

static void every_name_is_found_in_any_case(void **state)
{
	(void)state;
	for (unsigned t = 1; t < TOKEN_COUNT; t++) {
		struct str name = token_name(t);
		char lower[TOKEN_MAX], upper[TOKEN_MAX], mixed[TOKEN_MAX];

		assert_in_range(name.n, 2, TOKEN_MAX);
		for (size_t i = 0; i < name.n; i++) {
			bool letter = name.p[i] != '-';

			lower[i] = str_lower_char(name.p[i]);
			upper[i] = letter ? (char)(lower[i] & ~0x20) : lower[i];
			mixed[i] = i % 2 ? lower[i] : upper[i];
		}
		assert_int_equal(token_find(name), t);
		assert_int_equal(token_find(str_mk(lower, name.n)), t);
		assert_int_equal(token_find(str_mk(upper, name.n)), t);
		assert_int_equal(token_find(str_mk(mixed, name.n)), t);
	}
}

/* Any one byte replaced by any other value is another name, unless only the case of a letter changed. */
static void any_other_byte_is_another_name(void **state)
{
	(void)state;
	for (unsigned t = 1; t < TOKEN_COUNT; t++) {
		struct str name = token_name(t);

		for (size_t i = 0; i < name.n; i++) {
			for (int c = 0; c < 256; c++) {
				char copy[TOKEN_MAX];

				memcpy(copy, name.p, name.n);
				copy[i] = (char)c;
				bool same = str_lower_char((char)c) == str_lower_char(name.p[i]);
				assert_int_equal(token_find(str_mk(copy, name.n)) == t, same);
			}
		}
	}
}

static void near_misses_are_unknown(void **state)
{
	static const char *const names[] = { "",
					     "x",
					     "t",
					     "Hosts",
					     "Hos",
					     "X-Forwarded-Fox",
					     "Content_Length",
					     "Connectiom",
					     "Keep\rAlive",
					     "Transfer-Encodin",
					     "X-Request-Id",
					     "X-Forwarded-Tls-Client-Cert-Infos" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(token_find(str_of(names[i])), TOKEN_NONE);
}

/* Exact-size heap copies, so that the sanitiser sees a read past the name. */
static void lookup_stays_inside_the_name(void **state)
{
	(void)state;
	for (unsigned t = 1; t < TOKEN_COUNT; t++) {
		for (size_t n = 0; n <= token_name(t).n; n++) {
			char *copy = malloc(n ? n : 1);

			memcpy(copy, token_name(t).p, n);
			enum token found = token_find(str_mk(copy, n));
			free(copy);
			assert_true(n == token_name(t).n ? found == t : found != t);
		}
	}
}

static void forwarded_headers_have_two_spellings(void **state)
{
	static const struct {
		const char *name;
		bool yes;
	} rows[] = {
		{ "X-Forwarded-For", true },
		{ "X_Forwarded_For", true },
		{ "x-forwarded_for", true },
		{ "X_REAL_IP", true },
		{ "x_scheme", true },
		{ "X_Forwarded-Tls_Client-Cert_Info", true },
		{ "X-Forwarded-Prefix", true },
		{ "X-Forwarded-Scheme", true },
		{ "X-Forwarded-Foo", false },
		{ "Content_Length", false },
		{ "X_Forwarded_", false },
		{ "X", false },
		{ "", false },
		{ "Host", false },
		{ "X-Forwarded-For ", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(token_is_forwarded_spelling(str_of(rows[i].name)), rows[i].yes);
}

static void names_without_number_are_empty(void **state)
{
	(void)state;
	assert_int_equal(token_name(TOKEN_NONE).n, 0);
	assert_int_equal(token_name(TOKEN_COUNT).n, 0);
}

/* Not a limit, only a figure for whoever reads the output. */
static void cost_is_printed(void **state)
{
	static const char *const names[] = {
		"Host",		  "User-Agent",	  "Accept",    "Accept-Encoding", "Accept-Language",
		"Content-Length", "X-Request-Id", "Connection"
	};
	struct str views[8];
	unsigned sum = 0, rounds = 1000000;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		views[i] = str_of(names[i]);
	uint64_t start = clock_mono_ns();
	for (unsigned i = 0; i < rounds; i++)
		sum += token_find(views[i % 8]);
	print_message("token_find: %.1f ns a name (%u)\n", (double)(clock_mono_ns() - start) / rounds, sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_found_in_any_case),
		cmocka_unit_test(any_other_byte_is_another_name),
		cmocka_unit_test(near_misses_are_unknown),
		cmocka_unit_test(lookup_stays_inside_the_name),
		cmocka_unit_test(forwarded_headers_have_two_spellings),
		cmocka_unit_test(names_without_number_are_empty),
		cmocka_unit_test(cost_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
