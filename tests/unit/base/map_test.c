/* Unit tests of base/map: lookup, order, removal, growth. */
#include "base/map.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static void test_basics(void **state)
{
	int one, two;
	struct map m;

	(void)state;
	map_init(&m);
	assert_null(map_get(&m, STR("a")));
	assert_null(map_remove(&m, STR("a")));
	assert_null(map_set(&m, STR("a"), &one));
	assert_ptr_equal(map_get(&m, STR("a")), &one);
	assert_ptr_equal(map_set(&m, STR("a"), &two), &one);
	assert_ptr_equal(map_get(&m, STR("a")), &two);
	assert_null(map_get(&m, STR("A")));
	assert_null(map_set(&m, STR(""), &one));
	assert_ptr_equal(map_get(&m, STR("")), &one);
	assert_int_equal(m.live, 2);
	assert_ptr_equal(map_remove(&m, STR("a")), &two);
	assert_null(map_get(&m, STR("a")));
	assert_int_equal(m.live, 1);
	map_free(&m);
	map_each (e, &m)
		fail();
}

static void test_order_survives_removal(void **state)
{
	char seen[16];
	size_t n = 0;
	struct map m;

	(void)state;
	map_init(&m);
	for (const char *c = "qwerty"; *c; c++)
		map_set(&m, str_mk(c, 1), &m);
	map_remove(&m, STR("q"));
	map_remove(&m, STR("r"));
	map_set(&m, STR("q"), &m);
	map_each (e, &m)
		seen[n++] = e->key[0];
	assert_int_equal(n, 5);
	assert_memory_equal(seen, "wetyq", 5);
	map_free(&m);
}

static void test_many(void **state)
{
	static char values[5000];
	struct map m;
	char key[16];

	(void)state;
	map_init(&m);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_null(map_set(&m, str_of(key), &values[i]));
	}
	for (int i = 0; i < 5000; i += 2) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_ptr_equal(map_remove(&m, str_of(key)), &values[i]);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_ptr_equal(map_get(&m, str_of(key)), i % 2 ? &values[i] : NULL);
	}
	assert_int_equal(m.live, 2500);
	map_free(&m);
}

/* Setting and removing for ever must not grow the table: holes are reused. */
static void test_churn_is_bounded(void **state)
{
	struct map m;
	char key[16];

	(void)state;
	map_init(&m);
	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set(&m, str_of(key), &m);
		if (i >= 3) {
			snprintf(key, sizeof(key), "k%d", i - 3);
			assert_ptr_equal(map_remove(&m, str_of(key)), &m);
		}
	}
	assert_int_equal(m.live, 3);
	assert_true(m.cap <= 16);
	map_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),
		cmocka_unit_test(test_order_survives_removal),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_churn_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
