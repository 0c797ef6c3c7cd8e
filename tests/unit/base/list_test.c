/* Unit tests of base/list: the intrusive list (a header without a .c). */
#include "base/list.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

struct item {
	char name;
	struct list link;
};

static void assert_names(struct list *l, const char *want)
{
	size_t n = 0;

	list_each_safe (it, l)
		assert_int_equal(container_of(it, struct item, link)->name, want[n++]);
	assert_int_equal(want[n], 0);
}

static void test_push_and_remove(void **state)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	struct list l;

	(void)state;
	list_init(&l);
	assert_true(list_empty(&l));
	list_push_back(&l, &b.link);
	list_push_front(&l, &a.link);
	list_push_back(&l, &c.link);
	assert_names(&l, "abc");
	list_remove(&b.link);
	list_remove(&b.link);
	assert_names(&l, "ac");
	list_each_safe (it, &l)
		list_remove(it);
	assert_true(list_empty(&l));
}

static void test_take(void **state)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' };
	struct list l, to;

	(void)state;
	list_init(&l);
	list_take(&l, &to);
	assert_true(list_empty(&to));
	list_push_back(&l, &a.link);
	list_push_back(&l, &b.link);
	list_take(&l, &to);
	assert_true(list_empty(&l));
	assert_names(&to, "ab");
	list_remove(&a.link);
	list_remove(&b.link);
	assert_true(list_empty(&to));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_push_and_remove), cmocka_unit_test(test_take) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
