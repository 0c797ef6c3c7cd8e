/* Unit tests of base/metric: columns, series lifetime, histograms, walking. */
#include "base/metric.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static const char *const labels[] = { "entrypoint", "code" };
static const double bounds[] = { 0.1, 0.3, 1.2 };

struct seen {
	unsigned n;
	char names[16][32];
	struct metric_sample last;
};

static void note(void *ctx, const struct metric_sample *s)
{
	struct seen *seen = ctx;

	snprintf(seen->names[seen->n++ % 16], 32, "%s/%s", s->family->name, s->family->nlabels ? s->values[0] : "");
	seen->last = *s;
}

static struct seen walk(void)
{
	struct seen seen = { 0 };

	metric_walk(note, &seen);
	return seen;
}

static int setup(void **state)
{
	(void)state;
	metric_setup(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	metric_teardown();
	return 0;
}

static void test_family_is_found_again(void **state)
{
	struct metric_family *f = metric_family("a", "h", METRIC_COUNTER, labels, 2, NULL, 0);
	static const char *const other[] = { "entrypoint", "method" };
	static const double finer[] = { 0.1, 0.3, 1.3 };

	(void)state;
	assert_non_null(f);
	assert_ptr_equal(metric_family("a", "h", METRIC_COUNTER, labels, 2, NULL, 0), f);
	assert_null(metric_family("a", "h", METRIC_GAUGE, labels, 2, NULL, 0));
	assert_null(metric_family("a", "h", METRIC_COUNTER, labels, 1, NULL, 0));
	assert_null(metric_family("a", "h", METRIC_COUNTER, other, 2, NULL, 0));
	assert_non_null(metric_family("h", "h", METRIC_HISTOGRAM, labels, 2, bounds, 3));
	assert_null(metric_family("h", "h", METRIC_HISTOGRAM, labels, 2, finer, 3));
	assert_null(metric_family("b", "h", METRIC_COUNTER, labels, METRIC_MAX_LABELS + 1, NULL, 0));
	assert_null(metric_family("b", "h", METRIC_HISTOGRAM, labels, 1, bounds, METRIC_MAX_BUCKETS + 1));
}

static void test_counter_sums_columns(void **state)
{
	const char *const values[] = { "web", "200" };
	struct metric_series *s =
		metric_series_get(metric_family("c", "h", METRIC_COUNTER, labels, 2, NULL, 0), values);
	struct seen seen;

	(void)state;
	assert_int_equal(metric_control_column(), 2);
	assert_int_equal((uintptr_t)metric_cell(s, 1) % 64, 0);
	assert_true((char *)metric_cell(s, 1) - (char *)metric_cell(s, 0) >= 64);
	metric_add(s, 0, 1);
	metric_add(s, 1, 10);
	metric_add(s, 2, 100);
	metric_add(s, 0, 1);
	seen = walk();
	assert_int_equal(seen.n, 1);
	assert_true(seen.last.value == 112);
	metric_series_put(&s);
	assert_null(s);
	metric_series_put(&s);
}

static void test_series_identity_and_lifetime(void **state)
{
	struct metric_family *f = metric_family("c", "h", METRIC_COUNTER, labels, 2, NULL, 0);
	const char *const v1[] = { "a", "bc" }, *const v2[] = { "ab", "c" };
	char copy[] = "a";
	const char *const v3[] = { copy, "bc" };
	struct metric_series *a = metric_series_get(f, v1), *b = metric_series_get(f, v2),
			     *c = metric_series_get(f, v3);

	(void)state;
	copy[0] = 'x';
	assert_ptr_equal(a, c);
	assert_ptr_not_equal(a, b);
	metric_series_put(&a);
	assert_int_equal(walk().n, 2);
	metric_series_put(&c);
	assert_int_equal(walk().n, 1);
	assert_string_equal(walk().names[0], "c/ab");
	a = metric_series_get(f, v1);
	assert_true(walk().last.value == 0); /* a new life starts at 0 */
	metric_series_put(&a);
	metric_series_put(&b);
	assert_int_equal(walk().n, 0);
}

static void test_gauge(void **state)
{
	struct metric_series *s = metric_series_get(metric_family("g", "h", METRIC_GAUGE, NULL, 0, NULL, 0), NULL);

	(void)state;
	assert_true(walk().last.value == 0);
	metric_set(s, 1.5);
	metric_gauge_add(s, -2);
	assert_true(walk().last.value == -0.5);
	metric_series_put(&s);
}

static void test_histogram(void **state)
{
	struct metric_series *s =
		metric_series_get(metric_family("h", "h", METRIC_HISTOGRAM, NULL, 0, bounds, 3), NULL);
	struct metric_sample m;

	(void)state;
	metric_observe_ns(s, 0, 100000000); /* upper bounds belong to their bucket */
	metric_observe_ns(s, 1, 100000001);
	metric_observe_ns(s, 1, 1200000000);
	metric_observe_ns(s, 2, 9000000000);
	metric_observe_ns(s, 0, 0);
	m = walk().last;
	assert_int_equal(m.bucket[0], 2);
	assert_int_equal(m.bucket[1], 3);
	assert_int_equal(m.bucket[2], 4);
	assert_int_equal(m.bucket[3], 5);
	assert_int_equal(m.count, 5);
	assert_true(m.sum > 10.4000000 && m.sum < 10.4000001);
	metric_series_put(&s);
}

static void test_widest_histogram_keeps_columns_apart(void **state)
{
	double many[METRIC_MAX_BUCKETS];
	struct metric_series *s;

	(void)state;
	for (int i = 0; i < METRIC_MAX_BUCKETS; i++)
		many[i] = i + 1;
	s = metric_series_get(metric_family("w", "h", METRIC_HISTOGRAM, NULL, 0, many, METRIC_MAX_BUCKETS), NULL);
	for (unsigned col = 0; col <= 2; col++)
		metric_observe_ns(s, col, UINT64_MAX / 8);
	assert_int_equal(walk().last.bucket[METRIC_MAX_BUCKETS], 3);
	assert_int_equal(walk().last.bucket[METRIC_MAX_BUCKETS - 1], 0);
	metric_series_put(&s);
}

static void test_walk_order(void **state)
{
	struct metric_family *z = metric_family("z", "h", METRIC_COUNTER, labels, 1, NULL, 0);
	struct metric_family *a = metric_family("a", "h", METRIC_COUNTER, labels, 1, NULL, 0);
	const char *const v[] = { "2", "1" };
	struct metric_series *s[4] = { metric_series_get(a, v), metric_series_get(z, v), metric_series_get(z, v + 1),
				       metric_series_get(a, v + 1) };
	struct seen seen = walk();

	(void)state;
	assert_int_equal(seen.n, 4);
	assert_string_equal(seen.names[0], "z/2");
	assert_string_equal(seen.names[1], "z/1");
	assert_string_equal(seen.names[2], "a/2");
	assert_string_equal(seen.names[3], "a/1");
	for (int i = 0; i < 4; i++)
		metric_series_put(&s[i]);
}

static void test_teardown_frees_live_series(void **state)
{
	(void)state;
	metric_series_get(metric_family("t", "h", METRIC_GAUGE, NULL, 0, NULL, 0), NULL);
	metric_teardown();
	assert_int_equal(walk().n, 0);
	metric_setup(2);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_family_is_found_again),
		TEST(test_counter_sums_columns),
		TEST(test_series_identity_and_lifetime),
		TEST(test_gauge),
		TEST(test_histogram),
		TEST(test_widest_histogram_keeps_columns_apart),
		TEST(test_walk_order),
		TEST(test_teardown_frees_live_series),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
