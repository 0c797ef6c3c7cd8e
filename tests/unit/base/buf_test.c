/* Unit tests of base/buf: growth, ceiling, JSON escapes. */
#include "base/buf.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_buf(struct buf *b, const char *want)
{
	_cleanup_free_ char *got = buf_take(b);

	assert_string_equal(got, want);
}

static void test_appends(void **state)
{
	_cleanup_(buf_free) struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "a");
	buf_char(&b, 'b');
	buf_str(&b, STR("cd"));
	buf_add(&b, NULL, 0);
	buf_u64(&b, 0);
	buf_char(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	buf_printf(&b, "/%s", "x");
	assert_true(buf_ok(&b));
	assert_buf(&b, "abcd0 18446744073709551615/x");
	assert_int_equal(b.n, 0);
	assert_buf(&b, "");
}

static void test_long_printf(void **state)
{
	_cleanup_(buf_free) struct buf b;
	char big[1000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[999] = 0;
	buf_init(&b, 0);
	buf_printf(&b, "%s!", big);
	assert_int_equal(b.n, 1000);
	assert_int_equal(b.p[999], '!');
	buf_reset(&b);
	buf_printf(&b, "%255s", ""); /* around the size of the stack buffer */
	buf_printf(&b, "%256s", "");
	assert_int_equal(b.n, 511);
}

static void test_ceiling(void **state)
{
	_cleanup_(buf_free) struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (int i = 0; i < 10; i++)
		buf_puts(&b, "0123456789");
	assert_true(buf_ok(&b));
	assert_int_equal(b.cap, 100);
	buf_char(&b, 'x');
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 100);
	buf_reset(&b);
	assert_true(buf_ok(&b));
	buf_add(&b, "x", SIZE_MAX); /* refused before it is read */
	assert_false(buf_ok(&b));
	buf_char(&b, 'y'); /* and nothing after a failure */
	assert_int_equal(b.n, 0);
}

static void test_zeroed_can_be_used_and_freed(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_free(&b);
	buf_puts(&b, "x");
	assert_true(buf_ok(&b));
	assert_true(str_eq(buf_view(&b), STR("x")));
	buf_free(&b);
	buf_free(&b);
}

static void test_json(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain /", "plain /" },
		{ "\"\\", "\\\"\\\\" },
		{ "\b\f\n\r\t", "\\b\\f\\n\\r\\t" },
		{ "\x01\x1f\x7f", "\\u0001\\u001f\\u007f" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xc3", "a\xef\xbf\xbd" },		    /* cut short */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong */
		{ "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;

		buf_init(&b, 0);
		buf_json(&b, str_of(cases[i].in));
		assert_buf(&b, cases[i].out);
	}
}

static void test_json_nul(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_json(&b, str_mk("a\0b", 3));
	assert_buf(&b, "a\\u0000b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends), cmocka_unit_test(test_long_printf),
		cmocka_unit_test(test_ceiling), cmocka_unit_test(test_zeroed_can_be_used_and_freed),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_json_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
