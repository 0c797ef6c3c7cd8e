/* Reasons by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "kern/reason.c"

static void test_every_reason_is_found_by_its_name(void **state)
{
	(void)state;
	for (int i = 0; i < LB_R_COUNT; i++)
		assert_int_equal(reason_find(reason_at((size_t)i)->name), i);
	assert_null(reason_at(LB_R_COUNT));
	assert_int_equal(reason_find("nonsense"), -ENOENT);
	assert_int_equal(reason_find(""), -ENOENT);
	assert_string_equal(reason_at(LB_R_no_flow)->verdict, "drop");
	assert_string_equal(reason_at(LB_R_not_ip)->verdict, "pass");
	assert_string_equal(reason_at(LB_R_replied)->verdict, "forward");
}

static void test_typing_mistakes(void **state)
{
	(void)state;
	assert_string_equal(reason_nearest("noflow"), "no_flow");
	assert_string_equal(reason_nearest("forwarde"), "forwarded");
	assert_null(reason_nearest("somethingelse"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_is_found_by_its_name),
		cmocka_unit_test(test_typing_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
