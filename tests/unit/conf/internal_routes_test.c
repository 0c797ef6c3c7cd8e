/* Which internal services get a router, where, and with which rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "conf/internal_routes.c"

static void table(void **state)
{
	struct ping_conf ping = { .entry_point = "traefik" },
			 manual = { .entry_point = "traefik", .manual_routing = true };
	struct api_conf api = { .insecure = true, .base_path = "/" },
			based = { .insecure = true, .base_path = "/a/b/" };
	struct api_conf secure = { .base_path = "/" };
	struct prometheus_conf prom = { .entry_point = "web" };
	const struct {
		struct static_conf conf;
		const char *want;
	} cases[] = {
		{ { .workers = 0 }, "" },
		{ { .ping = &ping }, "ping@internal traefik Path(`/ping`)\n" },
		{ { .ping = &manual, .api = &secure }, "" },
		{ { .api = &api }, "api@internal traefik PathPrefix(`/api`)\n" },
		{ { .api = &based }, "api@internal traefik PathPrefix(`/a/b/api`)\n" },
		{ { .ping = &ping, .api = &api, .metrics.prometheus = &prom },
		  "ping@internal traefik Path(`/ping`)\nprometheus@internal web PathPrefix(`/metrics`)\napi@internal "
		  "traefik PathPrefix(`/api`)\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct internal_route r[INTERNAL_ROUTES_MAX];
		size_t n = internal_routes(&cases[i].conf, r, INTERNAL_ROUTES_MAX);
		char text[500] = "";

		for (size_t k = 0; k < n; k++) {
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s %s\n", r[k].service,
				 r[k].entry, r[k].rule);
			assert_string_equal(r[k].name, r[k].service);
			assert_true(r[k].priority >= INT64_MAX - 1);
		}
		assert_string_equal(text, cases[i].want);
	}
}

static void no_more_than_asked_for(void **state)
{
	struct ping_conf ping = { .entry_point = "traefik" };
	struct api_conf api = { .insecure = true, .base_path = "/" };
	const struct static_conf conf = { .ping = &ping, .api = &api };
	struct internal_route r[1];

	(void)state;
	assert_int_equal(internal_routes(&conf, r, 1), 1);
	assert_int_equal(internal_routes(&conf, r, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(no_more_than_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
