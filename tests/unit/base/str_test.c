/* Unit tests of base/str: views, cutting, comma lists. */
#include "base/str.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

static void assert_str(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_true(str_eq(str_mk(NULL, 0), STR("")));
	assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")));
	assert_false(str_ieq(STR("a"), STR("ab")));
	assert_false(str_ieq(STR("a@"), STR("a`"))); /* differ by 0x20 without being letters */
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_false(str_starts(STR("a"), STR("ab")));
}

static void test_trim(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" }, { " \t ", "" }, { " a b\t", "a b" }, { "x", "x" }, { "\nx", "\nx" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_str(str_trim(str_of(cases[i].in)), cases[i].out);
}

static void test_cut(void **state)
{
	struct str head, rest = str_cut(STR("a:b:c"), ':', &head);

	(void)state;
	assert_str(head, "a");
	assert_str(rest, "b:c");
	rest = str_cut(STR("a:"), ':', &head);
	assert_str(head, "a");
	assert_non_null(rest.p);
	assert_int_equal(rest.n, 0);
	rest = str_cut(STR("abc"), ':', &head);
	assert_str(head, "abc");
	assert_null(rest.p);
	rest = str_cut(str_mk(NULL, 0), ':', &head);
	assert_null(rest.p);
	assert_int_equal(head.n, 0);
}

static void test_elements(void **state)
{
	struct str list = STR(" a, ,b ,,\tc d,"), e;

	(void)state;
	assert_true(str_next_element(&list, &e));
	assert_str(e, "a");
	assert_true(str_next_element(&list, &e));
	assert_str(e, "b");
	assert_true(str_next_element(&list, &e));
	assert_str(e, "c d");
	assert_false(str_next_element(&list, &e));
	list = STR(" , ,");
	assert_false(str_next_element(&list, &e));
}

static void test_list_has(void **state)
{
	(void)state;
	assert_true(str_list_has(STR("keep-alive, Upgrade"), STR("upgrade")));
	assert_false(str_list_has(STR("keep-alive, Upgrades"), STR("upgrade")));
	assert_false(str_list_has(STR(""), STR("upgrade")));
}

static void test_dup(void **state)
{
	char *a = str_dup(str_mk("abcdef", 3)), *b = str_dup(str_mk(NULL, 0));

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "");
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),	 cmocka_unit_test(test_trim),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_elements), cmocka_unit_test(test_list_has), cmocka_unit_test(test_dup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
