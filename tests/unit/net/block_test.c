/* The block pool: counting, reuse, its bound, and its face as a source for arenas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "net/block.c"

static void last_in_first_out(void **state)
{
	struct block_pool p;
	(void)state;
	block_pool_init(&p, 2);
	void *a = block_get(&p), *b = block_get(&p);
	memset(a, 1, BLOCK_SIZE);
	memset(b, 2, BLOCK_SIZE);
	assert_int_equal(p.in_use, 2);
	block_put(&p, a);
	block_put(&p, b);
	assert_int_equal(p.in_use, 0);
	assert_int_equal(p.nfree, 2);
	assert_ptr_equal(block_get(&p), b);
	assert_ptr_equal(block_get(&p), a);
	assert_int_equal(p.nfree, 0);
	block_put(&p, a);
	block_put(&p, b);
	block_pool_free(&p);
	assert_int_equal(p.nfree, 0);
}

static void keeps_no_more_than_allowed(void **state)
{
	struct block_pool p;
	void *v[10];
	(void)state;
	block_pool_init(&p, 3);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			v[i] = block_get(&p);
		assert_int_equal(p.in_use, 10);
		for (int i = 0; i < 10; i++)
			block_put(&p, v[i]);
		assert_int_equal(p.in_use, 0);
		assert_int_equal(p.nfree, 3);
	}
	block_put(&p, NULL);
	assert_int_equal(p.in_use, 0);
	block_pool_free(&p);
	block_pool_init(&p, 0);
	block_put(&p, block_get(&p));
	assert_null(p.free);
	block_pool_free(&p);
}

static void feeds_arenas(void **state)
{
	struct block_pool p;
	struct arena a;
	(void)state;
	block_pool_init(&p, 8);
	arena_init_source(&a, &p.source, 0);
	for (int i = 0; i < 3; i++)
		memset(arena_alloc(&a, BLOCK_SIZE / 2), 3, BLOCK_SIZE / 2);
	assert_true(p.in_use >= 2);
	arena_reset(&a);
	assert_int_equal(p.in_use, 0);
	block_pool_free(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_in_first_out),
		cmocka_unit_test(keeps_no_more_than_allowed),
		cmocka_unit_test(feeds_arenas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
