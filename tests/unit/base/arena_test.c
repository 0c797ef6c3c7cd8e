/* Unit tests of base/arena: alignment, block sources, limits, disposers. */
#include "base/arena.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct pool {
	struct arena_source source;
	unsigned out, given, most;
};

static void *pool_get(void *ctx)
{
	struct pool *p = ctx;

	if (p->out == p->most)
		return NULL;
	p->out++;
	p->given++;
	return malloc(p->source.size);
}

static void pool_put(void *ctx, void *block)
{
	((struct pool *)ctx)->out--;
	free(block);
}

static struct pool make_pool(unsigned most)
{
	return (struct pool){ .source = { pool_get, pool_put, NULL, 4096 }, .most = most };
}

static void test_aligned_and_disjoint(void **state)
{
	struct arena a;
	char *p[200];

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < 200; i++) {
		p[i] = arena_alloc(&a, i);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_equal((unsigned char)p[i][j], i);
	arena_reset(&a);
	assert_null(a.blocks);
	assert_int_equal(a.used, 0);
}

static void test_large_keeps_the_current_block(void **state)
{
	struct arena a;
	char *small, *after, *large;

	(void)state;
	arena_init(&a);
	small = arena_alloc(&a, 16);
	large = arena_zalloc(&a, 1 << 20);
	after = arena_alloc(&a, 16);
	assert_ptr_equal(after, small + 16);
	assert_int_equal(large[(1 << 20) - 1], 0);
	arena_reset(&a);
	large = arena_alloc(&a, 1 << 20); /* as the very first */
	memset(large, 1, 1 << 20);
	assert_non_null(arena_alloc(&a, 1));
	arena_reset(&a);
}

static void test_text(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(arena_strdup(&a, "hello"), "hello");
	assert_string_equal(arena_strndup(&a, "hello", 3), "hel");
	assert_string_equal(arena_strndup(&a, "hi", 30), "hi");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%05d", 42), "00042");
	arena_reset(&a);
}

static void test_limit(void **state)
{
	struct arena a;

	(void)state;
	arena_init_source(&a, NULL, 64);
	assert_non_null(arena_alloc(&a, 48));
	assert_null(arena_alloc(&a, 17));
	assert_non_null(arena_alloc(&a, 16));
	assert_null(arena_alloc(&a, 1));
	assert_null(arena_zalloc(&a, 1));
	assert_null(arena_strdup(&a, "x"));
	assert_null(arena_printf(&a, "x"));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 64));
	arena_reset(&a);
}

static void test_source(void **state)
{
	struct pool p = make_pool(100);
	struct arena a;

	(void)state;
	p.source.ctx = &p;
	arena_init_source(&a, &p.source, 0);
	for (int i = 0; i < 10; i++)
		memset(arena_alloc(&a, 2000), 1, 2000);
	assert_int_equal(p.out, 5);
	memset(arena_alloc(&a, 10000), 1, 10000); /* larger than a block: malloc */
	assert_int_equal(p.out, 5);
	arena_reset(&a);
	assert_int_equal(p.out, 0);
	assert_int_equal(p.given, 5);
}

static void test_dry_source_falls_back(void **state)
{
	struct pool p = make_pool(1);
	struct arena a;

	(void)state;
	p.source.ctx = &p;
	arena_init_source(&a, &p.source, 0);
	for (int i = 0; i < 10; i++)
		memset(arena_alloc(&a, 2000), 1, 2000);
	assert_int_equal(p.out, 1);
	arena_reset(&a);
	assert_int_equal(p.out, 0);
}

static char order[8];
static size_t ordered;
static struct arena *late_arena;

static void note(void *p)
{
	order[ordered++] = *(char *)p;
}

static void note_and_add(void *p)
{
	note(p);
	arena_defer(late_arena, note, "L");
}

static void test_disposers_run_in_reverse(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	late_arena = &a;
	ordered = 0;
	arena_defer(&a, note, "1");
	arena_defer(&a, note_and_add, "2");
	arena_defer(&a, note, "3");
	arena_reset(&a);
	assert_int_equal(ordered, 4);
	assert_memory_equal(order, "32L1", 4);
	arena_reset(&a);
	assert_int_equal(ordered, 4);
}

static void test_disposer_passes_the_limit(void **state)
{
	struct arena a;

	(void)state;
	arena_init_source(&a, NULL, 16);
	ordered = 0;
	assert_non_null(arena_alloc(&a, 16));
	arena_defer(&a, note, "1");
	assert_null(arena_alloc(&a, 1));
	arena_reset(&a);
	assert_int_equal(ordered, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned_and_disjoint),
		cmocka_unit_test(test_large_keeps_the_current_block),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_dry_source_falls_back),
		cmocka_unit_test(test_disposers_run_in_reverse),
		cmocka_unit_test(test_disposer_passes_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
