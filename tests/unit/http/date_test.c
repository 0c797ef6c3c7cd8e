/* Dates against the C library's calendar, and the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "http/date.c"

static void expect_same_as_gmtime(int64_t second)
{
	char got[DATE_LEN + 1], want[64];
	time_t t = (time_t)second;
	struct tm tm;

	date_format(second, got);
	gmtime_r(&t, &tm);
	/* The C locale is in force: English names. Year by hand, because %Y does not pad. */
	strftime(want, sizeof(want), "%a, %d %b 0000 %H:%M:%S GMT", &tm);
	date_digits(want + 12, (unsigned)(tm.tm_year + 1900), 4);
	assert_string_equal(got, want);
}

static void known_dates(void **state)
{
	char out[DATE_LEN + 1];

	(void)state;
	date_format(784111777, out);
	assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	date_format(0, out);
	assert_string_equal(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	date_format(951782400, out);
	assert_string_equal(out, "Tue, 29 Feb 2000 00:00:00 GMT");
	date_format(253402300799, out);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	date_format(-1, out);
	assert_string_equal(out, "Wed, 31 Dec 1969 23:59:59 GMT");
}

static void every_day_of_five_centuries(void **state)
{
	(void)state;
	for (int64_t day = -30000; day < 150000; day++)
		expect_same_as_gmtime(day * 86400 + (day * 7919) % 86400);
}

static void random_moments(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1);
	for (int i = 0; i < 20000; i++)
		expect_same_as_gmtime((int64_t)(rng_u64(&rng) % 253402300800u));
}

static void text_changes_with_the_second(void **state)
{
	struct date_cache d = { 0 };
	uint64_t at = 784111777 * NS_PER_S;

	(void)state;
	assert_true(str_eq(date_get(&d, at + 999999999), STR("Sun, 06 Nov 1994 08:49:37 GMT")));
	d.text[0] = 'X'; /* within the second nothing is written anew */
	assert_int_equal(date_get(&d, at).p[0], 'X');
	assert_true(str_eq(date_get(&d, at + NS_PER_S), STR("Sun, 06 Nov 1994 08:49:38 GMT")));
	assert_true(str_eq(date_get(&d, at), STR("Sun, 06 Nov 1994 08:49:37 GMT"))); /* the clock was set back */
}

static void zero_is_a_moment_too(void **state)
{
	struct date_cache d = { 0 };

	(void)state;
	assert_true(str_eq(date_get(&d, 5), STR("Thu, 01 Jan 1970 00:00:00 GMT")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_dates),		cmocka_unit_test(every_day_of_five_centuries),
		cmocka_unit_test(random_moments),	cmocka_unit_test(text_changes_with_the_second),
		cmocka_unit_test(zero_is_a_moment_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
