/* Unit tests of base/rng: reference output, range, evenness. */
#include "base/rng.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* First outputs of the authors' xoshiro256** from the state 1, 2, 3, 4. */
static void test_reference(void **state)
{
	static const uint64_t want[] = { 11520, 0, 1509978240, 1215971899390074240ull };
	struct rng r = { { 1, 2, 3, 4 } };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(rng_u64(&r) == want[i]);
}

static void test_seeds(void **state)
{
	struct rng a, b, c;

	(void)state;
	rng_seed(&a, 0);
	rng_seed(&b, 0);
	rng_seed(&c, 1);
	assert_true(a.s[0] == 0xe220a8397b1dcdafull); /* splitmix64's first output for 0 */
	for (int i = 0; i < 10; i++) {
		uint64_t v = rng_u64(&a);

		assert_true(v == rng_u64(&b));
		assert_true(v != rng_u64(&c));
	}
}

static void test_below(void **state)
{
	unsigned seen[7] = { 0 };
	struct rng r;

	(void)state;
	rng_seed(&r, 42);
	for (int i = 0; i < 70000; i++) {
		uint32_t v = rng_below(&r, 7);

		assert_in_range(v, 0, 6);
		seen[v]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
	assert_int_equal(rng_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(&r, 0x80000001u) <= 0x80000000u); /* rejects almost half the draws */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reference), cmocka_unit_test(test_seeds),
					    cmocka_unit_test(test_below) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
