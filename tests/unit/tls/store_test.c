/* Which certificate fits which name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem.h"
#include "tls/store.c"

static struct keypair *named(enum keypair_kind kind, const char *a, const char *b)
{
	struct keypair *k = mem_zalloc(sizeof(*k));
	const char *names[] = { a, b };
	atomic_init(&k->refs, 1);
	k->kind = kind;
	k->names = mem_zalloc(2 * sizeof(*k->names));
	for (int i = 0; i < 2 && names[i]; i++)
		k->names[k->nnames++] = mem_strdup(names[i]);
	return k;
}

static const struct keypair *found(const struct store *s, const char *name, enum keypair_kind kind)
{
	const struct store_slot *slot = store_find(s, str_of(name));
	return slot ? slot->kinds[kind] : NULL;
}

static void exact_comes_before_wildcard(void **state)
{
	struct store s;
	struct keypair *wild = named(KEYPAIR_ECDSA, "*.d.test", NULL),
		       *exact = named(KEYPAIR_ECDSA, "a.d.test", "d.test");
	(void)state;
	store_init(&s);
	store_add(&s, wild);
	store_add(&s, exact);
	assert_ptr_equal(found(&s, "a.d.test", KEYPAIR_ECDSA), exact);
	assert_ptr_equal(found(&s, "d.test", KEYPAIR_ECDSA), exact);
	assert_ptr_equal(found(&s, "b.d.test", KEYPAIR_ECDSA), wild);
	store_free(&s);
}

static void a_wildcard_stands_for_one_label(void **state)
{
	static const char *const others[] = { "a.b.d.test", "d.test", ".d.test", "test", "", "d.test.a", "xd.test" };
	struct store s;
	(void)state;
	store_init(&s);
	store_add(&s, named(KEYPAIR_RSA, "*.d.test", NULL));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_null(store_find(&s, str_of(others[i])));
	store_free(&s);
}

static void kinds_stand_side_by_side_and_the_first_of_a_kind_stays(void **state)
{
	struct store s;
	struct keypair *ec = named(KEYPAIR_ECDSA, "a.test", NULL), *rsa = named(KEYPAIR_RSA, "a.test", NULL);
	(void)state;
	store_init(&s);
	store_add(&s, ec);
	store_add(&s, rsa);
	store_add(&s, named(KEYPAIR_ECDSA, "a.test", "b.test"));
	assert_ptr_equal(found(&s, "a.test", KEYPAIR_ECDSA), ec);
	assert_ptr_equal(found(&s, "a.test", KEYPAIR_RSA), rsa);
	assert_ptr_not_equal(found(&s, "b.test", KEYPAIR_ECDSA), ec);
	store_free(&s);
}

static void the_default_is_for_nobody_else(void **state)
{
	struct store s;
	struct keypair *k = named(KEYPAIR_RSA, "default.test", NULL);
	(void)state;
	store_init(&s);
	store_set_default(&s, k);
	assert_ptr_equal(s.fallback.kinds[KEYPAIR_RSA], k);
	assert_null(store_find(&s, STR("default.test")));
	store_free(&s);
}

static void a_name_longer_than_any_is_not_found(void **state)
{
	char name[400];
	struct store s;
	(void)state;
	memset(name, 'a', sizeof(name));
	name[1] = '.';
	store_init(&s);
	store_add(&s, named(KEYPAIR_RSA, "*.d.test", NULL));
	assert_null(store_find(&s, str_mk(name, sizeof(name))));
	store_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_comes_before_wildcard),
		cmocka_unit_test(a_wildcard_stands_for_one_label),
		cmocka_unit_test(kinds_stand_side_by_side_and_the_first_of_a_kind_stays),
		cmocka_unit_test(the_default_is_for_nobody_else),
		cmocka_unit_test(a_name_longer_than_any_is_not_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
