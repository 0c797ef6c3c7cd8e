/* Decoding and checking as the control thread does it: qualified names, references, implied entry points, differences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "conf/check.c"
#include "conf/decode.c"
#include "conf/diff.c"
#include "conf/merge.c"

struct fixture {
	struct arena a;
	struct err_list errs;
	struct static_conf st;
};

static int setup(void **state)
{
	static const char text[] = "entryPoints: { web: { address: ':80' }, traefik: { address: ':81' }, dns: { "
				   "address: '10.0.0.1:53/udp' } }";
	struct fixture *f = mem_zalloc(sizeof(*f));
	struct opt_ctx c = { .arena = &f->a, .errs = &f->errs };

	arena_init(&f->a);
	err_init(&f->errs);
	assert_int_equal(opt_decode(&c, &static_table, yaml_parse(&f->a, "s", str_of(text), &f->errs), "", &f->st), 0);
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

static struct tree *root_of(struct fixture *f)
{
	return tree_new(&f->a, TREE_MAP, (struct place){ 0 });
}

static int deliver(struct fixture *f, struct tree *root, const char *provider, const char *text)
{
	struct tree *t = yaml_parse(&f->a, provider, str_of(text), &f->errs);

	assert_non_null(t);
	return merge_add(&f->a, root, provider, t, &f->errs);
}

static int decode(struct fixture *f, const struct tree *root, struct dynamic_conf *ret)
{
	return decode_dynamic(root, &f->st, &f->a, ret, &f->errs);
}

static void test_providers_do_not_collide(void **state)
{
	struct fixture *f = *state;
	struct tree *root = root_of(f);
	struct dynamic_conf conf;
	struct router_conf *r;

	assert_int_equal(deliver(f, root, "file",
				 "http: { routers: { r: { rule: Path(`/a`), service: s } }, services: { s: { "
				 "loadBalancer: {} } } }"),
			 0);
	assert_int_equal(deliver(f, root, "docker",
				 "HTTP: { Routers: { r: { rule: Path(`/b`), service: s@file }, q: { rule: Path(`/c`), "
				 "service: s } }, services: { s: { loadBalancer: {} } } }"),
			 0);
	assert_int_equal(decode(f, root, &conf), 0);
	assert_int_equal(f->errs.n, 0);
	assert_int_equal(conf.http.routers.n, 3);
	assert_int_equal(conf.http.services.n, 2);
	r = opt_map_get(&conf.http.routers, "r@file");
	assert_string_equal(r->service, "s@file");
	r = opt_map_get(&conf.http.routers, "r@docker");
	assert_string_equal(r->service, "s@file");
	r = opt_map_get(&conf.http.routers, "q@docker");
	assert_string_equal(r->service, "s@docker");
	merge_unqualify(&conf, "file");
	assert_non_null(opt_map_get(&conf.http.routers, "r"));
	assert_non_null(opt_map_get(&conf.http.routers, "r@docker"));
	assert_string_equal(((struct router_conf *)opt_map_get(&conf.http.routers, "r"))->service, "s");
}

static void test_references_stay_in_their_provider(void **state)
{
	struct fixture *f = *state;
	struct tree *root = root_of(f);
	struct dynamic_conf conf;

	deliver(f, root, "file", "http: { services: { only: { loadBalancer: {} } } }");
	deliver(f, root, "docker", "http: { routers: { r.x: { rule: Path(`/b`), service: only } } }");
	assert_int_equal(decode(f, root, &conf), -EINVAL);
	assert_int_equal(f->errs.errors, 1);
	assert_string_equal(f->errs.v[0].key, "http.routers.r.x.service"); /* as it was written */
	assert_non_null(strstr(f->errs.v[0].text, "there is no http service \"only\""));
}

static void test_default_entry_points(void **state)
{
	struct fixture *f = *state;
	struct router_conf none = { 0 };
	char *names[] = { (char *)"traefik" };
	struct router_conf named = { .entry_points = { names, 1 } };

	assert_true(decode_listens(&f->st, DECODE_HTTP, &none, 0));
	assert_false(decode_listens(&f->st, DECODE_HTTP, &none, 1));
	assert_true(decode_listens(&f->st, DECODE_TCP, &named, 1));
	assert_false(decode_listens(&f->st, DECODE_HTTP, &none, 2));
	assert_true(decode_listens(&f->st, DECODE_UDP, &none, 2));
	assert_false(decode_listens(&f->st, DECODE_UDP, &none, 0));
	((struct entry_conf *)opt_map_at(&f->st.entry_points, 1))->as_default = true;
	assert_false(decode_listens(&f->st, DECODE_HTTP, &none, 0));
	assert_true(decode_listens(&f->st, DECODE_HTTP, &none, 1));
}

static void test_unknown_entry_points_are_not_checked_without_start_up_options(void **state)
{
	struct fixture *f = *state;
	struct tree *root = root_of(f);
	struct dynamic_conf conf;

	deliver(f, root, "file",
		"http: { routers: { r: { rule: Path(`/`), service: noop@internal, entryPoints: nowhere } } }");
	assert_int_equal(decode_dynamic(root, NULL, &f->a, &conf, &f->errs), 0);
	assert_int_equal(decode(f, root, &conf), -EINVAL);
}

static char *difference(const struct diff *d)
{
	struct buf out;

	buf_init(&out, 0);
	diff_print(d, 8, &out);
	return buf_take(&out);
}

static void test_diff_dynamic(void **state)
{
	struct fixture *f = *state;
	struct tree *before = root_of(f), *after = root_of(f);
	struct dynamic_conf a, b;
	_cleanup_(diff_free) struct diff d;
	_cleanup_free_ char *text = NULL;

	diff_init(&d);
	deliver(f, before, "file",
		"http: { routers: { r: { rule: Path(`/`), service: s } }, services: { s: { loadBalancer: {} }, t: { "
		"loadBalancer: {} } } }");
	deliver(f, after, "file",
		"\nhttp: { services: { u: { loadBalancer: {} }, s: { loadBalancer: { passHostHeader: false } } }, "
		"routers: { r: { rule: Path(`/`), service: s } } }");
	assert_int_equal(decode(f, before, &a), 0);
	assert_int_equal(decode(f, after, &b), 0);
	diff_dynamic(&d, &a, &a);
	assert_int_equal(d.items.n, 0);
	diff_dynamic(&d, &a, &b);
	text = difference(&d);
	assert_string_equal(text, "+http.services.u@file ~http.services.s@file -http.services.t@file");
	assert_int_equal(d.count[DIFF_ADDED], 1);
	diff_free(&d);
	diff_dynamic(&d, NULL, &a);
	assert_int_equal(d.count[DIFF_ADDED], 3);
}

static void test_diff_static(void **state)
{
	struct fixture *f = *state;
	struct opt_ctx c = { .arena = &f->a, .errs = &f->errs };
	const char *text = "entryPoints: { web: { address: ':8080' }, traefik: { address: ':81' }, new: { address: "
			   "':82' } }\nlog: { level: INFO }\nping: {}\n";
	struct static_conf now;
	_cleanup_(diff_free) struct diff d;
	_cleanup_free_ char *shown_text = NULL;

	diff_init(&d);
	assert_int_equal(opt_decode(&c, &static_table, yaml_parse(&f->a, "s", str_of(text), &f->errs), "", &now), 0);
	diff_static(&d, &f->st, &now);
	shown_text = difference(&d);
	assert_string_equal(shown_text, "~entryPoints.web +entryPoints.new -entryPoints.dns ~log.level +ping");
}

static void test_many_routers(void **state)
{
	struct fixture *f = *state;
	struct tree *root = root_of(f);
	struct dynamic_conf conf;
	struct buf text;
	enum { N = 20000 };

	buf_init(&text, 0);
	buf_puts(&text, "http:\n  routers:\n");
	for (int i = 0; i < N; i++)
		buf_printf(&text, "    r%d: { rule: Path(`/%d`), service: s%d }\n", i, i, i);
	buf_puts(&text, "  services:\n");
	for (int i = 0; i < N; i++)
		buf_printf(&text, "    s%d: { loadBalancer: { servers: [ { url: 'http://a' } ] } }\n", i);
	buf_char(&text, 0);
	assert_int_equal(deliver(f, root, "file", text.p), 0);
	assert_int_equal(decode(f, root, &conf), 0);
	assert_int_equal(conf.http.routers.n, N);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_providers_do_not_collide, setup, teardown),
		cmocka_unit_test_setup_teardown(test_references_stay_in_their_provider, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_entry_points, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_entry_points_are_not_checked_without_start_up_options,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_diff_dynamic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_diff_static, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_routers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
