/* Request metric sets: what is counted where, growth, the bound, and many threads adding rows at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/httpset.c"

#define THREADS 4u

struct wanted {
	const char *family, *code, *method, *protocol;
	double value;
	uint64_t count;
	unsigned seen;
	const char *last;
};

static void match(void *ctx, const struct metric_sample *s)
{
	struct wanted *w = ctx;

	if (strcmp(s->family->name, w->family) || (w->code && strcmp(s->values[0], w->code)) ||
	    (w->method && strcmp(s->values[1], w->method)) || (w->protocol && strcmp(s->values[2], w->protocol)))
		return;
	w->seen++;
	w->value += s->value;
	w->count += s->count;
	w->last = s->values[s->family->nlabels - 1];
}

static struct wanted look(const char *family, const char *code, const char *method)
{
	struct wanted w = { .family = family, .code = code, .method = method };

	metric_walk(match, &w);
	return w;
}

static int setup(void **state)
{
	static const double buckets[] = { 0.1, 0.3, 1.2, 5 };

	(void)state;
	metric_setup(THREADS);
	httpset_setup(buckets, ARRAY_LEN(buckets));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	metric_teardown();
	return 0;
}

static void counts_all_four(void **state)
{
	struct httpset *s = httpset_new(HTTPSET_ROUTER, "api@file", "web@file");
	struct wanted w;

	(void)state;
	httpset_count(s, 0, 200, STR("GET"), HTTPSET_HTTP, 200000000, 10, 100);
	httpset_count(s, 1, 200, STR("GET"), HTTPSET_HTTP, 200000000, 5, 50);
	httpset_count(s, 1, 404, STR("POST"), HTTPSET_HTTP, 1, 0, 7);
	w = look("traefik_router_requests_total", "200", "GET");
	assert_int_equal(w.seen, 1);
	assert_int_equal((int)w.value, 2);
	assert_string_equal(w.last, "web@file");
	assert_int_equal((int)look("traefik_router_requests_bytes_total", "200", "GET").value, 15);
	assert_int_equal((int)look("traefik_router_responses_bytes_total", "200", "GET").value, 150);
	assert_int_equal(look("traefik_router_request_duration_seconds", "200", "GET").count, 2);
	assert_int_equal((int)look("traefik_router_requests_total", "404", "POST").value, 1);
	httpset_unref(&s);
	assert_null(s);
	assert_int_equal(look("traefik_router_requests_total", NULL, NULL).seen, 0);
}

static void odd_values_are_folded(void **state)
{
	struct httpset *s = httpset_new(HTTPSET_ENTRYPOINT, "web", NULL);

	(void)state;
	httpset_count(s, 0, 200, STR("BREW"), HTTPSET_HTTP, 1, 0, 0);
	httpset_count(s, 0, 200, STR("get"), HTTPSET_HTTP, 1, 0, 0);
	httpset_count(s, 0, 200, STR(""), 99, 1, 0, 0);
	httpset_count(s, 0, 7, STR("GET"), HTTPSET_GRPC_WEB, 1, 0, 0);
	assert_int_equal((int)look("traefik_entrypoint_requests_total", "200", "EXTENSION_METHOD").value, 3);
	assert_int_equal((int)look("traefik_entrypoint_requests_total", "0", "GET").value, 1);
	httpset_unref(&s);
}

/* 500 codes times 9 methods is far more than the bound; nothing may get lost. */
static void rows_are_bounded(void **state)
{
	struct httpset *s = httpset_new(HTTPSET_SERVICE, "web@file", NULL);
	struct wanted w;
	unsigned n = 0;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int code = 100; code <= 599; code++)
			for (unsigned m = 0; m < METHOD_EXTENSION; m++, n++)
				httpset_count(s, 0, code, str_of(method_names[m]), HTTPSET_HTTP, 1, 0, 0);
	w = look("traefik_service_requests_total", NULL, NULL);
	assert_int_equal(w.seen, MAX_ROWS);
	assert_int_equal((unsigned)w.value, n);
	assert_int_equal((unsigned)look("traefik_service_requests_total", "0", "EXTENSION_METHOD").value,
			 n - (MAX_ROWS - 1) * 2);
	httpset_unref(&s);
}

struct job {
	struct httpset *set;
	unsigned column;
};

static void *hammer(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 20000; i++)
		httpset_count(j->set, j->column, 100 + i % 90, str_of(method_names[i % 5]), HTTPSET_HTTP, 1000, 1, 2);
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct httpset *s = httpset_new(HTTPSET_SERVICE, "web@file", NULL);
	struct job jobs[THREADS];
	pthread_t ids[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ s, i };
		assert_int_equal(pthread_create(&ids[i], NULL, hammer, &jobs[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	assert_int_equal((int)look("traefik_service_requests_total", NULL, NULL).value, THREADS * 20000);
	assert_int_equal((int)look("traefik_service_responses_bytes_total", NULL, NULL).value, THREADS * 40000);
	assert_int_equal(look("traefik_service_requests_total", NULL, NULL).seen, 90);
	httpset_unref(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_all_four),
		cmocka_unit_test(odd_values_are_folded),
		cmocka_unit_test(rows_are_bounded),
		cmocka_unit_test(threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
