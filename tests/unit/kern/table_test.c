#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "kern/table.c"

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(str_of(text), &e), 0);
	return e;
}

static int service(struct table *t, const char *name, const char *vip, bool *is_new)
{
	struct endpoint e = at(vip);
	struct lb_vip_key key = table_vip(&e, 0, 6);

	return table_take_service(t, name, &key, is_new);
}

static int backend(struct table *t, uint32_t of, const char *where, bool *is_new)
{
	struct endpoint e = at(where);

	return table_take_backend(t, of, &e, LB_MODE_SNAT, is_new);
}

static void test_identity(void **state)
{
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 4, 8);
	assert_int_equal(service(&t, "db@file", "198.18.0.10:5432", &is_new), 0);
	assert_true(is_new);
	assert_int_equal(service(&t, "db@file", "198.18.0.10:5432", &is_new), 0);
	assert_false(is_new);
	assert_int_equal(service(&t, "db@file", "198.18.0.11:5432", &is_new), 1); /* same name, another VIP */
	assert_int_equal(service(&t, "dc@file", "198.18.0.10:5432", &is_new), 2); /* same VIP, another name */
	assert_int_equal(backend(&t, 0, "198.18.1.11:80", &is_new), 0);
	assert_int_equal(backend(&t, 1, "198.18.1.11:80", &is_new), 1); /* same endpoint of another service */
	assert_int_equal(backend(&t, 0, "198.18.1.11:81", &is_new), 2);
	assert_int_equal(backend(&t, 0, "198.18.1.11:80", &is_new), 0);
	assert_false(is_new);
	table_free(&t);
}

static void test_protocol_is_identity(void **state)
{
	struct endpoint e = at("198.18.0.10:53");
	struct lb_vip_key tcp = table_vip(&e, 0, 6), udp = table_vip(&e, 0, 17);
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 2, 2);
	assert_int_equal(table_take_service(&t, "dns@file", &tcp, &is_new), 0);
	assert_int_equal(table_take_service(&t, "dns@file", &udp, &is_new), 1);
	assert_true(is_new);
	table_free(&t);
}

static void test_full_then_oldest_retired(void **state)
{
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 1, 3);
	service(&t, "s", "198.18.0.10:80", &is_new);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			backend(&t, 0, (const char *[]){ "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1" }[i], &is_new), i);
	assert_int_equal(backend(&t, 0, "10.0.0.4:1", &is_new), -ENOSPC);
	table_retire_backend(&t, 2, 100);
	table_retire_backend(&t, 0, 200);
	assert_int_equal(backend(&t, 0, "10.0.0.4:1", &is_new), 2);
	assert_true(is_new);
	assert_int_equal(t.backends[2].gen, 2);
	assert_int_equal(backend(&t, 0, "10.0.0.5:1", &is_new), 0);
	assert_int_equal(backend(&t, 0, "10.0.0.6:1", &is_new), -ENOSPC);
	assert_int_equal(service(&t, "t", "198.18.0.11:80", &is_new), -ENOSPC);
	table_free(&t);
}

static void test_return_of_the_retired(void **state)
{
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 2, 4);
	service(&t, "s", "198.18.0.10:80", &is_new);
	backend(&t, 0, "10.0.0.1:1", &is_new);
	t.backends[0].flags |= LB_BACKEND_UP;
	table_retire_backend(&t, 0, 100);
	assert_int_equal(t.backends[0].flags & LB_BACKEND_UP, 0);
	assert_false(table_backend_active(&t.backends[0]));
	assert_int_equal(backend(&t, 0, "10.0.0.1:1", &is_new), 0);
	assert_false(is_new);
	assert_int_equal(t.backends[0].gen, 1); /* its flows still match */
	assert_true(table_backend_active(&t.backends[0]));
	table_free(&t);
}

/* An unused id is preferred, however long ago another was retired: quarantine is as long as the table allows. */
static void test_unused_first(void **state)
{
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 2, 3);
	service(&t, "s", "198.18.0.10:80", &is_new);
	backend(&t, 0, "10.0.0.1:1", &is_new);
	table_retire_backend(&t, 0, 1);
	assert_int_equal(backend(&t, 0, "10.0.0.2:1", &is_new), 1);
	table_retire_service(&t, 0, 1);
	assert_int_equal(service(&t, "t", "198.18.0.11:80", &is_new), 1);
	table_free(&t);
}

static void test_service_id_changes_hands(void **state)
{
	struct table t;
	bool is_new;

	(void)state;
	table_init(&t, 1, 2);
	service(&t, "s", "198.18.0.10:80", &is_new);
	backend(&t, 0, "10.0.0.1:1", &is_new);
	table_retire_backend(&t, 0, 5);
	table_retire_service(&t, 0, 5);
	assert_int_equal(service(&t, "t", "198.18.0.11:80", &is_new), 0);
	assert_true(is_new);
	/* The same endpoint under the new owner is a new backend: not the old record, not the old flows. */
	assert_int_equal(backend(&t, 0, "10.0.0.1:1", &is_new), 0);
	assert_true(is_new);
	assert_int_equal(t.backends[0].gen, 2);
	table_free(&t);
}

static void test_copy_is_independent(void **state)
{
	struct table t, c;
	bool is_new;

	(void)state;
	table_init(&t, 2, 2);
	service(&t, "s", "198.18.0.10:80", &is_new);
	table_copy(&c, &t);
	service(&c, "t", "198.18.0.11:80", &is_new);
	assert_int_equal(t.services[1].active, 0);
	assert_string_equal(c.services[0].name, "s");
	table_free(&t);
	table_free(&c);
}

static void test_endpoint_round_trip(void **state)
{
	struct endpoint e = at("198.18.1.11:8080"), back;
	struct lb_backend b = { .addr = table_addr(&e.addr), .port = htons(8080) };

	(void)state;
	back = table_endpoint(&b);
	assert_true(endpoint_eq(&e, &back));
}

/* Flows remember the number of the address they began with. */
static void test_source_changes(void **state)
{
	struct lb_addr a = { .w = { 1 } }, b = { .w = { 2 } }, c = { .w = { 3 } };
	struct lb_backend r = { 0 };
	uint8_t first, second;

	(void)state;
	table_set_source(&r, &a);
	first = r.source;
	assert_int_not_equal(first, 0);
	table_set_source(&r, &a);
	assert_int_equal(r.source, first);
	table_set_source(&r, &b);
	second = r.source;
	assert_int_not_equal(second, first);
	assert_int_equal(r.old_source, first);
	assert_memory_equal(&r.old_snat, &a, sizeof(a));
	/* Back again: both kinds of flow stay valid. */
	table_set_source(&r, &a);
	assert_int_equal(r.source, first);
	assert_int_equal(r.old_source, second);
	assert_memory_equal(&r.snat, &a, sizeof(a));
	assert_memory_equal(&r.old_snat, &b, sizeof(b));
	/* A third: the number is new, and b's is forgotten. */
	table_set_source(&r, &c);
	assert_int_not_equal(r.source, first);
	assert_int_not_equal(r.source, second);
	assert_int_equal(r.old_source, first);
}

/* What the program rewrites answers to is in the backend's record. */
static void test_backend_knows_its_vip(void **state)
{
	struct endpoint vip, at;
	struct lb_vip_key key;
	struct table t;
	bool is_new;
	int service, id;

	(void)state;
	assert_null(endpoint_parse(str_of("[fd00::10]:53"), &vip));
	assert_null(endpoint_parse(str_of("[fd00:1::11]:5353"), &at));
	key = table_vip(&vip, 0, 17);
	table_init(&t, 2, 2);
	service = table_take_service(&t, "dns", &key, &is_new);
	id = table_take_backend(&t, (uint32_t)service, &at, LB_MODE_SNAT, &is_new);
	assert_memory_equal(&t.backends[id].vip, &key.addr, sizeof(key.addr));
	table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_protocol_is_identity),
		cmocka_unit_test(test_full_then_oldest_retired),
		cmocka_unit_test(test_return_of_the_retired),
		cmocka_unit_test(test_unused_first),
		cmocka_unit_test(test_service_id_changes_hands),
		cmocka_unit_test(test_copy_is_independent),
		cmocka_unit_test(test_endpoint_round_trip),
		cmocka_unit_test(test_source_changes),
		cmocka_unit_test(test_backend_knows_its_vip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
