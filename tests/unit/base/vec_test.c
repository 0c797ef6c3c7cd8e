/* Unit tests of base/vec: the typed growable array (a header without a .c). */
#include "base/vec.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_push_each_free(void **state)
{
	VEC(uint64_t) v = { 0 };
	uint64_t want = 0;

	(void)state;
	vec_each (it, &v)
		fail();
	for (uint64_t i = 0; i < 1000; i++)
		vec_push(&v, i * i);
	assert_int_equal(v.n, 1000);
	vec_each (it, &v) {
		assert_true(*it == want * want);
		want++;
	}
	assert_int_equal(want, 1000);
	vec_free(&v);
	assert_null(v.v);
	assert_int_equal(v.n + v.cap, 0);
	vec_push(&v, 7);
	assert_true(v.v[0] == 7);
	vec_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_push_each_free) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
