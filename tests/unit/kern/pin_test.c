#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "kern/pin.c"

static void test_paths(void **state)
{
	char out[PIN_PATH_MAX], longest[PIN_PATH_MAX + 1];

	(void)state;
	assert_int_equal(pin_map_path("/sys/fs/bpf/s.x", "flows", out), 0);
	assert_string_equal(out, "/sys/fs/bpf/s.x/flows");
	/* bpffs refuses dots in names; those of the directory are not ours to change. */
	assert_int_equal(pin_link_path("/sys/fs/bpf/s.x", "eth0.5", out), 0);
	assert_string_equal(out, "/sys/fs/bpf/s.x/link_eth0~5");
	memset(longest, 'a', PIN_PATH_MAX);
	longest[PIN_PATH_MAX] = '\0';
	assert_int_equal(pin_map_path(longest, "x", out), -ENAMETOOLONG);
	assert_int_equal(pin_link_path(longest, "x", out), -ENAMETOOLONG);
}

static void count_one(void *ctx, const char *path)
{
	(void)path;
	++*(int *)ctx;
}

static void touch(const char *dir, const char *name)
{
	char path[PIN_PATH_MAX];
	FILE *f;

	assert_int_equal(pin_map_path(dir, name, path), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static void test_directory(void **state)
{
	char dir[] = "/tmp/pin_test_XXXXXX";
	int links = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(pin_is_empty(dir));
	touch(dir, "flows");
	touch(dir, "link_lb0");
	touch(dir, "link_lb1");
	assert_false(pin_is_empty(dir));
	pin_each_link(dir, count_one, &links);
	assert_int_equal(links, 2);
	pin_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
	pin_remove(dir); /* nothing there: harmless */
}

static void test_not_a_bpf_file_system(void **state)
{
	char dir[] = "/tmp/pin_test_XXXXXX", below[64];
	struct err_list errs;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(below, sizeof(below), "%s/a/b", dir);
	err_init(&errs);
	assert_int_equal(pin_prepare(below, &errs), -EINVAL);
	assert_int_equal(errs.errors, 1);
	assert_non_null(strstr(errs.v[0].text, "/sys/fs/bpf/sluice"));
	err_free(&errs);
	assert_int_equal(access(below, F_OK), -1);
	snprintf(below, sizeof(below), "%s/a", dir);
	rmdir(below);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_not_a_bpf_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
