/* Unit tests of base/hash: known values of XXH3, which flow tables and rings depend on. */
#include "base/hash.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_known_values(void **state)
{
	(void)state;
	assert_true(hash_bytes("", 0, 0) == 0x2d06800538d394c2ull);
	assert_true(hash_bytes(NULL, 0, 0) == hash_bytes("", 0, 0));
	assert_true(hash_str(STR("abc"), 0) == 0x78af5f94892f3950ull);
	assert_true(hash_str(STR("abc"), 1) != hash_str(STR("abc"), 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_known_values) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
