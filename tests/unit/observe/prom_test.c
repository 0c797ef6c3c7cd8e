/* The exposition: golden text, escaping, numbers, grouping, and promtool's opinion of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>
#include <unistd.h>
#include "observe/prom.c"

static int setup(void **state)
{
	(void)state;
	metric_setup(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	metric_teardown();
	return 0;
}

static void expect(struct buf *b, const char *text)
{
	buf_char(b, 0);
	assert_string_equal(b->p, text);
	buf_reset(b);
}

static void numbers(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 42, "42" },
		{ 1.5, "1.5" },
		{ 0.1, "0.1" },
		{ -3, "-3" },
		{ 1e15, "1000000000000000" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
		{ 1e300, "1e+300" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put_number(&b, rows[i].v);
		expect(&b, rows[i].text);
	}
	buf_free(&b);
}

static void golden(void **state)
{
	static const char *const labels[] = { "a", "b" };
	static const double buckets[] = { 0.1, 5 };
	struct metric_family *c = metric_family("t_requests_total", "Line one\nback\\slash \"quoted\".", METRIC_COUNTER,
						labels, 2, NULL, 0);
	struct metric_family *g = metric_family("t_level", "Level.", METRIC_GAUGE, NULL, 0, NULL, 0);
	struct metric_family *h = metric_family("t_time_seconds", "Time.", METRIC_HISTOGRAM, labels, 1, buckets, 2);
	struct metric_series *cs = metric_series_get(c, (const char *const[]){ "q\"u\\o\nte", "\xc3\xa4" });
	struct metric_series *gs = metric_series_get(g, NULL), *hs = metric_series_get(h, (const char *const[]){ "x" });
	struct buf b;

	(void)state;
	metric_family("t_empty_total", "Without series.", METRIC_COUNTER, NULL, 0, NULL, 0);
	metric_add(cs, 0, 3);
	metric_add(cs, 1, 4);
	metric_set(gs, 2.5);
	metric_observe_ns(hs, 0, 100000000);
	metric_observe_ns(hs, 1, 150000000);
	metric_observe_ns(hs, 1, 6000000000);
	buf_init(&b, 0);
	prom_registry(&b);
	expect(&b, "# HELP t_requests_total Line one\\nback\\\\slash \"quoted\".\n"
		   "# TYPE t_requests_total counter\n"
		   "t_requests_total{a=\"q\\\"u\\\\o\\nte\",b=\"\xc3\xa4\"} 7\n"
		   "# HELP t_level Level.\n# TYPE t_level gauge\nt_level 2.5\n"
		   "# HELP t_time_seconds Time.\n# TYPE t_time_seconds histogram\n"
		   "t_time_seconds_bucket{a=\"x\",le=\"0.1\"} 1\n"
		   "t_time_seconds_bucket{a=\"x\",le=\"5\"} 2\n"
		   "t_time_seconds_bucket{a=\"x\",le=\"+Inf\"} 3\n"
		   "t_time_seconds_sum{a=\"x\"} 6.25\n"
		   "t_time_seconds_count{a=\"x\"} 3\n");
	buf_free(&b);
	metric_series_put(&cs);
	metric_series_put(&gs);
	metric_series_put(&hs);
}

static void rows_are_grouped_by_name(void **state)
{
	const struct prom_label one[] = { { "service", "db@file" } };
	const struct prom_label two[] = { { "service", "dns@file" }, { "reason", "a\"b" } };
	struct prom_rows *r = prom_rows_new();
	struct buf b;

	(void)state;
	prom_rows_add(r, &(struct prom_row){ "k_packets_total", "Packets.", false, one, 1, 1 });
	prom_rows_add(r, &(struct prom_row){ "k_flows", "Flows.", true, NULL, 0, 2 });
	prom_rows_add(r, &(struct prom_row){ "k_packets_total", "Packets.", false, two, 2, 18446744073709551615ull });
	buf_init(&b, 0);
	prom_rows_write(r, &b);
	expect(&b, "# HELP k_packets_total Packets.\n# TYPE k_packets_total counter\n"
		   "k_packets_total{service=\"db@file\"} 1\n"
		   "k_packets_total{service=\"dns@file\",reason=\"a\\\"b\"} 18446744073709551615\n"
		   "# HELP k_flows Flows.\n# TYPE k_flows gauge\nk_flows 2\n");
	buf_free(&b);
	prom_rows_free(&r);
	assert_null(r);
}

static void process_facts_are_plausible(void **state)
{
	struct process p;
	double now = (double)time(NULL);

	(void)state;
	process_read(&p);
	assert_true(p.resident_bytes > 100000 && p.resident_bytes < p.virtual_bytes);
	assert_true(p.open_fds >= 3 && p.open_fds < 1000);
	assert_true(p.start_seconds > now - 3600 && p.start_seconds < now + 2);
	assert_true(p.cpu_seconds >= 0);
}

static void promtool_finds_nothing(void **state)
{
	static const double buckets[] = { 0.1, 0.3, 1.2, 5 };
	static const char *const labels[] = { "code", "method" };
	struct metric_family *h = metric_family("t2_time_seconds", "Time.", METRIC_HISTOGRAM, labels, 2, buckets, 4);
	struct metric_series *hs = metric_series_get(h, (const char *const[]){ "200", "G\"E\\T\n" });
	struct buf b;
	FILE *tool;

	(void)state;
	if (access("/usr/bin/promtool", X_OK)) {
		print_message("skipped: no promtool\n");
		skip();
	}
	metric_observe_ns(hs, 0, 1);
	buf_init(&b, 0);
	prom_registry(&b);
	prom_process(&b);
	assert_true(buf_ok(&b));
	tool = popen("/usr/bin/promtool check metrics", "w");
	assert_non_null(tool);
	assert_int_equal(fwrite(b.p, 1, b.n, tool), b.n);
	assert_int_equal(pclose(tool), 0);
	buf_free(&b);
	metric_series_put(&hs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(golden),
		cmocka_unit_test(rows_are_grouped_by_name),
		cmocka_unit_test(process_facts_are_plausible),
		cmocka_unit_test(promtool_finds_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
