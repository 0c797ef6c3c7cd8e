/* What start-up options imply, and the routing part of a file that holds both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conf/static.c"

struct fixture {
	struct arena a;
	struct err_list errs;
	struct static_conf st;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	arena_init(&f->a);
	err_init(&f->errs);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_reset(&f->a);
	err_free(&f->errs);
	free(f);
	return 0;
}

static int decode(struct fixture *f, const char *text)
{
	return static_decode(yaml_parse(&f->a, "s", str_of(text), &f->errs), &f->a, &f->st, &f->errs);
}

static const char *address_of(const struct fixture *f, const char *name)
{
	const struct entry_conf *e = opt_map_get(&f->st.entry_points, name);

	return e ? e->address : "none";
}

static void test_implied_entry_points(void **state)
{
	static const struct {
		const char *text, *http, *traefik;
	} t[] = {
		{ "", ":80", "none" },
		{ "entryPoints: {}", ":80", "none" },
		{ "entryPoints: { web: { address: ':1' } }", "none", "none" },
		{ "api: {}", ":80", "none" },
		{ "api: { insecure: true }", ":80", "127.0.0.1:8080" },
		{ "ping: true", ":80", "127.0.0.1:8080" },
		{ "ping: { manualRouting: true }", ":80", "none" },
		{ "ping: { entryPoint: http }", ":80", "none" },
		{ "metrics: { prometheus: {} }", ":80", "127.0.0.1:8080" },
		{ "metrics: { prometheus: {} }\nentryPoints: { traefik: { address: ':9' } }", "none", ":9" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(decode(f, t[i].text), 0);
		assert_string_equal(address_of(f, "http"), t[i].http);
		assert_string_equal(address_of(f, "traefik"), t[i].traefik);
	}
}

/* Defaults that others rely on. */
static void test_defaults(void **state)
{
	struct fixture *f = *state;
	const struct entry_conf *e;

	assert_int_equal(
		decode(f, "api: {}\nping: {}\nmetrics: { prometheus: {} }\nproviders: { file: { directory: x } }"), 0);
	e = opt_map_get(&f->st.entry_points, "http");
	assert_int_equal(e->transport.responding.read_ns, 60000000000);
	assert_int_equal(e->transport.responding.write_ns, 0);
	assert_int_equal(e->transport.responding.idle_ns, 180000000000);
	assert_int_equal(e->transport.life_cycle.grace_ns, 10000000000);
	assert_int_equal(e->http.max_header_bytes, 65536);
	assert_true(e->http.sanitize_path);
	assert_int_equal(e->udp.timeout_ns, 3000000000);
	assert_int_equal(f->st.log.level, LOG_ERROR);
	assert_int_equal(f->st.log.format, LOG_COMMON);
	assert_null(f->st.log.file_path);
	assert_null(f->st.access_log);
	assert_false(f->st.api->insecure);
	assert_true(f->st.api->dashboard);
	assert_int_equal(f->st.ping->terminating_status, 503);
	assert_int_equal(f->st.metrics.prometheus->buckets.n, 4);
	assert_true(f->st.metrics.prometheus->add_entry_points_labels && f->st.metrics.prometheus->add_services_labels);
	assert_false(f->st.metrics.prometheus->add_routers_labels);
	assert_true(f->st.providers.file->watch);
	assert_int_equal(f->st.providers.throttle_ns, 2000000000);
	assert_int_equal(f->st.kernel.maglev_size, 65537);
	assert_int_equal(f->st.kernel.on_exit, KERNEL_DETACH);
	assert_string_equal(f->st.kernel.snat.ports, "10000-32767");
	assert_int_equal(f->st.workers, 0);
}

static void test_nothing_is_written_on_error(void **state)
{
	struct fixture *f = *state;

	f->st.workers = 42;
	assert_int_equal(decode(f, "workers: many"), -EINVAL);
	assert_int_equal(f->st.workers, 42);
}

static void test_dynamic_part(void **state)
{
	struct fixture *f = *state;
	struct tree *root = yaml_parse(&f->a, "s", STR("log: {}\nHTTP: { routers: {} }\nudp: {}\n"), &f->errs), *part;

	part = static_dynamic_part(&f->a, root);
	assert_int_equal(part->n, 2);
	assert_non_null(tree_get(part, "http"));
	assert_null(tree_get(part, "log"));
	assert_null(static_dynamic_part(&f->a, yaml_parse(&f->a, "s", STR("log: {}\n"), &f->errs)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_implied_entry_points, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_written_on_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dynamic_part, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
