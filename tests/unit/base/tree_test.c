/* Unit tests of base/tree: building, order, lookup. */
#include "base/tree.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static const struct place here = { "f", 3, 4 };

static void test_map(void **state)
{
	struct arena a;
	struct tree *m, *one, *two;

	(void)state;
	arena_init(&a);
	m = tree_new(&a, TREE_MAP, here);
	one = tree_scalar(&a, here, STR("1"));
	two = tree_scalar(&a, here, STR("2"));
	tree_add(&a, m, STR("entryPoints"), here, one);
	tree_add(&a, m, STR("b"), here, two);
	assert_ptr_equal(tree_get(m, "ENTRYpoints"), one);
	assert_null(tree_get(m, "c"));
	assert_null(tree_get(NULL, "b"));
	assert_null(tree_get(one, "b"));
	assert_int_equal(m->pairs[1].key_at.line, 3);
	assert_string_equal(m->pairs[1].key.p, "b");
	arena_reset(&a);
}

static void test_long_list_keeps_order(void **state)
{
	struct arena a;
	struct tree *l;
	char text[16];

	(void)state;
	arena_init(&a);
	l = tree_new(&a, TREE_LIST, here);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		tree_add(&a, l, STR("ignored"), here, tree_scalar(&a, here, str_of(text)));
	}
	assert_int_equal(l->n, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_string_equal(l->pairs[i].value->text.p, text);
		assert_null(l->pairs[i].key.p);
	}
	arena_reset(&a);
}

static void test_scalar_copies(void **state)
{
	char text[] = "abc";
	struct arena a;
	struct tree *s;

	(void)state;
	arena_init(&a);
	s = tree_scalar(&a, here, str_mk(text, 2));
	text[0] = 'x';
	assert_string_equal(s->text.p, "ab");
	assert_int_equal(s->at.col, 4);
	arena_reset(&a);
}

static void test_kind_names(void **state)
{
	struct tree t = { .kind = TREE_MAP };

	(void)state;
	assert_string_equal(tree_kind_name(NULL), "nothing");
	assert_string_equal(tree_kind_name(&t), "a mapping");
	t.kind = TREE_LIST;
	assert_string_equal(tree_kind_name(&t), "a list");
	t.kind = TREE_SCALAR;
	assert_string_equal(tree_kind_name(&t), "a value");
	t.kind = TREE_NULL;
	assert_string_equal(tree_kind_name(&t), "nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_long_list_keeps_order),
		cmocka_unit_test(test_scalar_copies),
		cmocka_unit_test(test_kind_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
