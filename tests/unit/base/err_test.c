/* Unit tests of base/err: collection, order, text. */
#include "base/err.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_format(const struct err_item *i, const char *want)
{
	_cleanup_free_ char *got = NULL;
	struct buf b;

	buf_init(&b, 0);
	err_format(i, &b);
	got = buf_take(&b);
	assert_string_equal(got, want);
}

static void test_format(void **state)
{
	struct err_list e;

	(void)state;
	err_init(&e);
	err_add(&e, (struct place){ "a.yml", 3, 7 }, "http.routers", "is %s", "odd");
	err_warn(&e, (struct place){ "a.yml", 3, 0 }, "", "two\nlines");
	err_add(&e, (struct place){ NULL, 3, 1 }, "key", "x");
	err_add(&e, (struct place){ "a.yml", 0, 5 }, NULL, "y");
	assert_int_equal(e.n, 4);
	assert_int_equal(e.errors, 3);
	assert_format(&e.v[0], "a.yml:3:7: http.routers: is odd");
	assert_format(&e.v[1], "a.yml:3: warning: two lines");
	assert_format(&e.v[2], "key: x");
	assert_format(&e.v[3], "a.yml: y");
	err_free(&e);
	assert_int_equal(e.n, 0);
}

static void test_copies_outlive_the_source(void **state)
{
	char file[] = "f.yml", key[] = "k";
	struct err_list e;

	(void)state;
	err_init(&e);
	err_add(&e, (struct place){ file, 1, 1 }, key, "x");
	file[0] = key[0] = '!';
	assert_format(&e.v[0], "f.yml:1:1: k: x");
	err_free(&e);
}

static void test_sort_is_stable(void **state)
{
	static const struct {
		const char *file;
		int line, col;
		const char *text;
	} in[] = {
		{ "b", 1, 1, "5" }, { "a", 9, 1, "4" },	 { "a", 2, 5, "2" },
		{ "a", 2, 5, "3" }, { NULL, 7, 7, "0" }, { "a", 2, 1, "1" },
	};
	struct err_list e;

	(void)state;
	err_init(&e);
	err_sort(&e);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		err_add(&e, (struct place){ in[i].file, in[i].line, in[i].col }, NULL, "%s", in[i].text);
	err_sort(&e);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		assert_int_equal(e.v[i].text[0], '0' + (int)i);
	err_free(&e);
}

static void test_move(void **state)
{
	struct place none = { 0 };
	struct err_list a, b;

	(void)state;
	err_init(&a);
	err_init(&b);
	err_add(&a, none, NULL, "1");
	err_warn(&b, none, NULL, "2");
	err_add(&b, none, NULL, "3");
	err_move(&a, &b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.errors, 0);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.errors, 2);
	assert_string_equal(a.v[2].text, "3");
	err_move(&a, &b);
	assert_int_equal(a.n, 3);
	err_free(&a);
	err_free(&b);
}

static void test_print(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct err_list e;

	(void)state;
	err_init(&e);
	err_add(&e, (struct place){ "a", 1, 2 }, NULL, "x");
	err_add(&e, (struct place){ "a", 2, 2 }, NULL, "y");
	err_print(&e, f);
	fclose(f);
	assert_string_equal(text, "a:1:2: x\na:2:2: y\n");
	free(text);
	err_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),	       cmocka_unit_test(test_copies_outlive_the_source),
		cmocka_unit_test(test_sort_is_stable), cmocka_unit_test(test_move),
		cmocka_unit_test(test_print),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
