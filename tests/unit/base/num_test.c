/* Unit tests of base/num: accepted and refused forms, ranges, printing. */
#include "base/num.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_i64(void **state)
{
	static const struct {
		const char *in;
		int r;
		int64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "+7", 0, 7 },
		{ "-42", 0, -42 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "+-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 12345;

		assert_int_equal(num_i64(str_of(cases[i].in), &v), cases[i].r);
		assert_true(v == (cases[i].r ? 12345 : cases[i].v));
	}
}

static void test_u64(void **state)
{
	uint64_t v = 1;

	(void)state;
	assert_int_equal(num_u64(STR("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(num_u64(STR("18446744073709551616"), &v), -ERANGE);
	assert_int_equal(num_u64(STR("-1"), &v), -EINVAL);
	assert_int_equal(num_u64(STR("+1"), &v), -EINVAL);
	assert_int_equal(num_u64(str_mk(NULL, 0), &v), -EINVAL);
}

static void test_double(void **state)
{
	static const struct {
		const char *in;
		int r;
		double v;
	} cases[] = {
		{ "0", 0, 0 },	      { "1.5", 0, 1.5 },     { "-.25", 0, -.25 },     { "5.", 0, 5 },
		{ "1e3", 0, 1000 },   { "2.5E-1", 0, .25 },  { "1e999", -ERANGE, 0 }, { "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },  { "inf", -EINVAL, 0 }, { "nan", -EINVAL, 0 },   { "0x1p3", -EINVAL, 0 },
		{ "1e", -EINVAL, 0 }, { "1e+", -EINVAL, 0 }, { "1,5", -EINVAL, 0 },   { " 1", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double v = 77;

		assert_int_equal(num_double(str_of(cases[i].in), &v), cases[i].r);
		assert_true(v == (cases[i].r ? 77 : cases[i].v));
	}
}

static void test_bool(void **state)
{
	static const char *const refused[] = { "", "yes", "no", "on", "off", "tRUE", "2", "true " };
	bool v = false;

	(void)state;
	assert_int_equal(num_bool(STR("True"), &v), 0);
	assert_true(v);
	assert_int_equal(num_bool(STR("0"), &v), 0);
	assert_false(v);
	assert_int_equal(num_bool(STR("t"), &v), 0);
	assert_true(v);
	assert_int_equal(num_bool(STR("False"), &v), 0);
	assert_false(v);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(num_bool(str_of(refused[i]), &v), -EINVAL);
}

#define S 1000000000ll

static void test_duration(void **state)
{
	static const struct {
		const char *in;
		int r;
		int64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "10", 0, 10 * S },
		{ "-3", 0, -3 * S },
		{ "1h30m", 0, 5400 * S },
		{ "1.5s", 0, 1500000000 },
		{ "250ms", 0, 250000000 },
		{ "-1s", 0, -S },
		{ "+2us", 0, 2000 },
		{ "2\xc2\xb5s", 0, 2000 },
		{ "2\xce\xbcs", 0, 2000 },
		{ ".5m", 0, 30 * S },
		{ "1.s", 0, S },
		{ "1m1m", 0, 120 * S },
		{ "0.1ns", 0, 0 },
		{ "1.000000001s", 0, S + 1 },
		{ "0.3333333333333333333h", 0, 1199999999999 },
		{ "2562047h47m16.854775807s", 0, INT64_MAX },
		{ "-2562047h47m16.854775808s", 0, INT64_MIN },
		{ "2562047h47m16.854775808s", -ERANGE, 0 },
		{ "9223372037", -ERANGE, 0 },
		{ "99999999999999999999h", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ ".s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1h 2m", -EINVAL, 0 },
		{ "1h2", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1h-2m", -EINVAL, 0 },
		{ "99999999999999999999hx", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 12345;

		assert_int_equal(num_duration_ns(str_of(cases[i].in), &v), cases[i].r);
		assert_true(v == (cases[i].r ? 12345 : cases[i].v));
	}
}

static void test_print_duration(void **state)
{
	static const struct {
		int64_t in;
		const char *out;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1100, "1.1\xc2\xb5s" },
		{ 2200000, "2.2ms" },
		{ 250000000, "250ms" },
		{ 1500000000, "1.5s" },
		{ 90 * S, "1m30s" },
		{ 3600 * S, "1h0m0s" },
		{ 300 * S, "5m0s" },
		{ -1500000000, "-1.5s" },
		{ S + 1, "1.000000001s" },
		{ 60 * S + 1000000, "1m0.001s" },
		{ INT64_MAX, "2562047h47m16.854775807s" },
		{ INT64_MIN, "-2562047h47m16.854775808s" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[32];
		int64_t back;

		num_print_duration(cases[i].in, text);
		assert_string_equal(text, cases[i].out);
		assert_int_equal(num_duration_ns(str_of(text), &back), 0);
		assert_true(back == cases[i].in);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *in;
		int r;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1000", 0, 1000 },
		{ "64KiB", 0, 65536 },
		{ "2MiB", 0, 2097152 },
		{ "1GiB", 0, 1073741824 },
		{ "5kB", 0, 5000 },
		{ "5MB", 0, 5000000 },
		{ "5GB", 0, 5000000000 },
		{ "99999999999GiB", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "KiB", -EINVAL, 0 },
		{ "1 KiB", -EINVAL, 0 },
		{ "1kb", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5MiB", -EINVAL, 0 },
		{ "99999999999999999999x", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 12345;

		assert_int_equal(num_size(str_of(cases[i].in), &v), cases[i].r);
		assert_true(v == (cases[i].r ? 12345 : cases[i].v));
	}
}

static void test_edit_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned d;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "abc", "ABC", 0 },
		{ "kitten", "sitting", 3 },
		{ "ab", "ba", 1 },
		{ "ca", "abc", 3 }, /* optimal string alignment; the unrestricted distance is 2 */
		{ "entryPoint", "entrypoints", 1 },
		{ "servcie", "service", 1 },
	};
	static char long_text[EDIT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(num_edit_distance(str_of(cases[i].a), str_of(cases[i].b)), cases[i].d);
	assert_int_equal(num_edit_distance(str_mk(long_text, sizeof(long_text)), STR("a")), sizeof(long_text));
	assert_int_equal(num_edit_distance(str_mk(long_text, EDIT_MAX), str_mk(long_text, EDIT_MAX)), 0);
}

static void test_nearest(void **state)
{
	static const char *const names[] = { "rule", "service", "middlewares", "priority" };

	(void)state;
	assert_string_equal(num_nearest(STR("servcie"), names, 4), "service");
	assert_string_equal(num_nearest(STR("Rules"), names, 4), "rule");
	assert_null(num_nearest(STR("zzzzzz"), names, 4));
	assert_null(num_nearest(STR("rule"), names, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i64),	 cmocka_unit_test(test_u64),
		cmocka_unit_test(test_double),	 cmocka_unit_test(test_bool),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_print_duration),
		cmocka_unit_test(test_size),	 cmocka_unit_test(test_edit_distance),
		cmocka_unit_test(test_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
