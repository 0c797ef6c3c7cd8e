/* Escaping: what a stranger's text may do to a log line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include "base/rng.h"
#include "observe/escape.c"

typedef void (*escape_fn)(struct out *o, struct str s, size_t max);

static const char *run(escape_fn fn, struct str s, size_t max)
{
	static char text[70000];
	struct out o = { .start = text, .p = text, .end = text + sizeof(text) - 1 };

	fn(&o, s, max);
	assert_false(o.full);
	*o.p = 0;
	return text;
}

static void table(void **state)
{
	static const struct {
		struct str in;
		const char *json, *quoted, *bare;
	} rows[] = {
		{ { "plain /path?a=1", 15 }, "plain /path?a=1", "plain /path?a=1", "plain\\x20/path?a=1" },
		{ { "a\"b\\c", 5 }, "a\\\"b\\\\c", "a\\\"b\\\\c", "a\\\"b\\\\c" },
		{ { "x\r\ny", 4 }, "x\\r\\ny", "x\\x0d\\x0ay", "x\\x0d\\x0ay" },
		{ { "\0\x1b[0m\x7f", 6 }, "\\u0000\\u001b[0m\\u007f", "\\x00\\x1b[0m\\x7f", "\\x00\\x1b\\x5b0m\\x7f" },
		{ { "\xc3\xa4\xe2\x82\xac", 5 },
		  "\xc3\xa4\xe2\x82\xac",
		  "\\xc3\\xa4\\xe2\\x82\\xac",
		  "\\xc3\\xa4\\xe2\\x82\\xac" },
		{ { "\xff", 1 }, "\xef\xbf\xbd", "\\xff", "\\xff" },
		{ { "", 0 }, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(run(escape_json, rows[i].in, 1000), rows[i].json);
		assert_string_equal(run(escape_quoted, rows[i].in, 1000), rows[i].quoted);
		assert_string_equal(run(escape_bare, rows[i].in, 1000), rows[i].bare);
	}
}

static void cut_at_the_limit(void **state)
{
	(void)state;
	assert_string_equal(run(escape_json, STR("0123456789"), 10), "0123456789");
	assert_string_equal(run(escape_json, STR("0123456789"), 9), "012345678...");
	assert_string_equal(run(escape_quoted, STR("01234567\n"), 11), "01234567...");
	assert_string_equal(run(escape_quoted, STR("01234567\n"), 12), "01234567\\x0a");
	assert_string_equal(run(escape_json, STR("ab\x01"), 7), "ab...");
}

/* A sequence must not be torn where the work is divided. */
static void long_utf8_survives(void **state)
{
	char text[901];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, '\x01', shift);
		for (size_t i = shift; i + 3 <= 900; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		assert_null(
			strstr(run(escape_json, str_mk(text, shift + (900 - shift) / 3 * 3), 60000), "\xef\xbf\xbd"));
	}
}

static void random_bytes_stay_inside(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 3);
	for (int i = 0; i < 5000; i++) {
		char in[200], line[70100];
		size_t n = rng_below(&rng, sizeof(in)), max = rng_below(&rng, 400);
		const char *q;
		json_t *j;

		for (size_t k = 0; k < n; k++)
			in[k] = (char)rng_u64(&rng);
		snprintf(line, sizeof(line), "[\"%s\"]", run(escape_json, str_mk(in, n), max));
		assert_true(strlen(line) <= max + 7);
		j = json_loads(line, JSON_ALLOW_NUL, NULL);
		assert_non_null(j);
		json_decref(j);
		q = run(escape_quoted, str_mk(in, n), max);
		assert_true(strlen(q) <= max + 3);
		for (; *q; q++) {
			assert_true(*q >= 0x20 && *q < 0x7f && *q != '"');
			q += *q == '\\';
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(cut_at_the_limit),
		cmocka_unit_test(long_utf8_survives),
		cmocka_unit_test(random_bytes_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
