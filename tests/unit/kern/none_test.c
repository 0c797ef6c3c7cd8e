#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "kern/none.c"

static void never(void *ctx, const struct kern_count *c)
{
	(void)ctx;
	(void)c;
	fail();
}

static void test_warns_for_each_service(void **state)
{
	const struct kern_service s[] = { { .name = "db@file" }, { .name = "dns@file" } };
	struct kern *k = kern_none_open("root is needed");
	struct kern_iface_state ifs[1];
	struct kern_probe_path path;
	struct endpoint server = { .port = 80 };
	struct err_list errs;

	(void)state;
	err_init(&errs);
	assert_int_equal(k->ops->sync(k, s, 2, &errs), 0);
	assert_int_equal(errs.n, 2);
	assert_int_equal(errs.errors, 0);
	assert_string_equal(errs.v[1].key, "dns@file");
	assert_non_null(strstr(errs.v[1].text, "root is needed"));
	assert_int_equal(k->ops->probe_path(k, s, &server, &path), -EOPNOTSUPP);
	assert_string_equal(path.problem, "");
	assert_int_equal(k->ops->poll_fd(k), -1);
	k->ops->refresh(k);
	k->ops->counts(k, never, NULL);
	assert_int_equal(k->ops->interfaces(k, ifs, 1), 0);
	k->ops->close(k, false);
	err_free(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_warns_for_each_service) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
