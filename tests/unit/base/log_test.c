/* Unit tests of base/log: both formats, escaping, the ceiling, rotation. */
#include "base/log.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char path[] = "/tmp/log_test_XXXXXX";
static char content[1 << 20];

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	clock_freeze(5 * NS_PER_S, 1795226864 * NS_PER_S + 123);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	clock_thaw();
	return 0;
}

/* What has been logged since the last call. */
static const char *logged(void)
{
	FILE *f = fopen(path, "r");
	size_t n = fread(content, 1, sizeof(content) - 1, f);

	content[n] = 0;
	fclose(f);
	assert_int_equal(truncate(path, 0), 0);
	return content;
}

static void test_common(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_DEBUG, LOG_COMMON, path), 0);
	log_info("started", F_STR("path", "/x"), F_STR("name", "with space"), F_INT("n", -3),
		 F_STR("none", (const char *)NULL));
	assert_string_equal(logged(), "2026-11-21T02:07:44Z INF started path=/x name=\"with space\" n=-3 none=\"\"\n");
	log_error("no fields");
	assert_string_equal(logged(), "2026-11-21T02:07:44Z ERR no fields\n");
	log_close();
}

static void test_json(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_DEBUG, LOG_JSON, path), 0);
	log_warn("say \"hi\"", F_STR("a", "x\ny"), F_INT("n", 7));
	assert_string_equal(logged(),
			    "{\"level\":\"warn\",\"time\":\"2026-11-21T02:07:44Z\",\"message\":\"say \\\"hi\\\"\","
			    "\"a\":\"x\\ny\",\"n\":7}\n");
	log_close();
}

static void test_injection_stays_on_one_line(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_DEBUG, LOG_COMMON, path), 0);
	log_info("a\nb\x1b[1m", F_STR("k", "v\n2026 ERR fake"), F_STR("eq", "a=b"), F_STR("q", "\""),
		 F_STR("bad", "\xff"));
	assert_string_equal(logged(),
			    "2026-11-21T02:07:44Z INF a\\nb\\u001b[1m k=\"v\\n2026 ERR fake\" eq=\"a=b\" q=\"\\\"\" "
			    "bad=\"\xef\xbf\xbd\"\n");
	log_close();
}

static void test_long_values_are_cut(void **state)
{
	static char big[100000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(log_open(LOG_DEBUG, LOG_COMMON, path), 0);
	log_info("m", F_STR("k", big), F_INT("after", 1));
	logged();
	assert_in_range(strlen(content), LOG_TEXT_MAX, LOG_TEXT_MAX + 100);
	assert_non_null(strstr(content, " after=1\n"));
	log_close();
}

static void test_threshold(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_WARN, LOG_COMMON, path), 0);
	assert_false(log_wants(LOG_INFO));
	assert_true(log_wants(LOG_WARN) && log_wants(LOG_PANIC));
	log_info("no");
	log_line(LOG_DEBUG, "no", NULL, 0);
	assert_string_equal(logged(), "");
	log_close();
}

static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void test_ceiling(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_INFO, LOG_COMMON, path), 0);
	for (int i = 0; i < 1000; i++)
		log_info("x");
	assert_int_equal(lines(logged()), LOG_RATE);
	clock_advance(NS_PER_S - 1);
	log_info("x");
	assert_string_equal(logged(), "");
	clock_advance(1);
	log_info("again");
	assert_int_equal(lines(logged()), 2);
	assert_non_null(strstr(content, "WRN log lines held back lines=801\n"));
	assert_non_null(strstr(content, "INF again\n"));
	for (int i = 0; i < 300; i++)
		log_info("x");
	logged();
	log_close(); /* says what nobody would say any more */
	assert_non_null(strstr(logged(), "lines=101\n"));
}

static void test_reopen(void **state)
{
	char moved[64];

	(void)state;
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(log_open(LOG_INFO, LOG_COMMON, path), 0);
	assert_int_equal(rename(path, moved), 0);
	log_info("old");
	assert_int_equal(log_reopen(), 0);
	log_info("new");
	assert_non_null(strstr(logged(), "INF new\n"));
	assert_null(strstr(content, "old"));
	unlink(moved);
	log_close();
}

static void test_bad_path_keeps_the_old(void **state)
{
	(void)state;
	assert_int_equal(log_open(LOG_INFO, LOG_COMMON, path), 0);
	assert_int_equal(log_open(LOG_ERROR, LOG_JSON, "/nonexistent/dir/log"), -ENOENT);
	log_info("still here");
	assert_non_null(strstr(logged(), "INF still here\n"));
	log_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_injection_stays_on_one_line),
		cmocka_unit_test(test_long_values_are_cut),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_bad_path_keeps_the_old),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
