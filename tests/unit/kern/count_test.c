#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "kern/count.c"

static struct row row(const char *service, const char *backend, uint64_t packets, uint64_t flows)
{
	struct row r = { .service = service, .words = { packets, packets * 100, flows } };

	snprintf(r.backend, sizeof(r.backend), "%s", backend);
	return r;
}

static void test_one_name_one_row(void **state)
{
	struct row rows[] = { row("b", "", 1, 1), row("a", "", 2, 1), row("b", "", 4, 2), row("c", "", 8, 3) };
	size_t n = merge_rows(rows, 4);

	(void)state;
	assert_int_equal(n, 3);
	assert_string_equal(rows[0].service, "a");
	assert_string_equal(rows[1].service, "b");
	assert_int_equal(rows[1].words[0], 5);
	assert_int_equal(rows[1].words[1], 500);
	assert_int_equal(rows[1].words[2], 3);
	assert_string_equal(rows[2].service, "c");
}

static void test_backends_differ(void **state)
{
	struct row rows[] = { row("a", "1.1.1.1:2", 1, 0), row("a", "1.1.1.1:1", 1, 0), row("a", "1.1.1.1:2", 1, 0) };

	(void)state;
	assert_int_equal(merge_rows(rows, 3), 2);
	assert_int_equal(rows[1].words[0], 2);
	assert_int_equal(merge_rows(rows, 0), 0);
}

static size_t seen;
static const char *last;

static void visit(void *ctx, const struct kern_count *c)
{
	(void)ctx;
	if (last)
		assert_true(strcmp(last, c->name) == 0 ||
			    seen % 2 == 0); /* the metric changes after its two rows only */
	last = c->name;
	seen++;
	assert_true((c->backend == NULL) == (strcmp(c->service, "a") == 0));
}

static void test_rows_of_a_metric_stay_together(void **state)
{
	const struct row rows[] = { row("a", "", 1, 0), row("b", "1.1.1.1:1", 1, 0) };

	(void)state;
	emit_rows(rows, 2, service_metrics, visit, NULL);
	assert_int_equal(seen, 2 * TRAFFIC_WORDS);
}

static void test_every_reason_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < LB_R_COUNT; i++)
		assert_non_null(reason_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_name_one_row),
		cmocka_unit_test(test_backends_differ),
		cmocka_unit_test(test_rows_of_a_metric_stay_together),
		cmocka_unit_test(test_every_reason_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
