/* Services and servers: references, picking, and the count of what is in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "backend/service.c"
#include "backend/target.c"
#include "balance/wrr.h"

#define WORKERS 2

static struct service *make(size_t n, const uint32_t *weights, const struct balance_ops *policy,
			    struct target **targets)
{
	struct endpoint at = { addr_any4, 1 };
	for (size_t i = 0; i < n; i++) {
		char name[48];
		snprintf(name, sizeof(name), "http://10.0.0.%zu:80", i);
		targets[i] = target_new(name, &at, NULL, WORKERS);
	}
	struct service_spec spec = {
		.name = "s@file",
		.pass_host_header = true,
		.policy = policy,
		.targets = targets,
		.weights = weights,
		.ntargets = n,
		.workers = WORKERS,
	};
	return service_new(&spec);
}

static void drop(struct service *s, size_t n, struct target **targets)
{
	service_unref(&s);
	assert_null(s);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(atomic_load(&targets[i]->refs), 1);
		assert_int_equal(atomic_load(&targets[i]->in_flight), 0);
		target_unref(&targets[i]);
	}
}

static void in_flight(void **state)
{
	static const uint32_t weights[] = { 1, 3, 0 };
	struct target *t[3];
	int items[40], item;
	unsigned picked[3] = { 0 };
	(void)state;
	struct service *s = make(3, weights, &wrr_ops, t);
	for (unsigned i = 0; i < 40; i++) {
		struct target *got = service_pick(s, i % WORKERS, 0, &items[i]);
		assert_ptr_equal(got, t[items[i]]);
		picked[items[i]]++;
		assert_int_equal(atomic_load(&got->in_flight), picked[items[i]]); /* of all workers */
	}
	assert_int_equal(picked[0], 10);
	assert_int_equal(picked[1], 30);
	assert_int_equal(picked[2], 0);
	for (unsigned i = 0; i < 40; i++)
		service_done(s, i % WORKERS, items[i], 1000, i % 3);
	/* The same server is still counted once more when it is all that is left. */
	atomic_store(&t[1]->up, false);
	assert_ptr_equal(service_pick(s, 0, 0, &item), t[0]);
	assert_int_equal(atomic_load(&t[0]->in_flight), 1);
	service_done(s, 0, item, 0, false);
	drop(s, 3, t);
}

static void nobody_there(void **state)
{
	static const uint32_t weights[] = { 1, 1 };
	struct target *t[2];
	int item = 7;
	(void)state;
	struct service *s = make(2, weights, &wrr_ops, t);
	atomic_store(&t[0]->up, false);
	atomic_store(&t[1]->up, false);
	assert_null(service_pick(s, 0, 0, &item));
	assert_int_equal(item, 7);
	atomic_store(&t[1]->up, true);
	assert_ptr_equal(service_pick(s, 1, 0, &item), t[1]);
	service_done(s, 1, item, 0, true);
	drop(s, 2, t);
	s = make(0, NULL, &wrr_ops, NULL);
	assert_null(service_pick(s, 0, 0, &item));
	drop(s, 0, NULL);
}

static void references(void **state)
{
	static const uint32_t weights[] = { 1 };
	struct target *t[1];
	(void)state;
	struct service *s = make(1, weights, NULL, t); /* for the kernel: no balancers */
	struct service *again = service_ref(s);
	assert_ptr_equal(again, s);
	assert_int_equal(atomic_load(&t[0]->refs), 2);
	service_unref(&again);
	assert_string_equal(s->name, "s@file");
	drop(s, 1, t);
	service_unref(&again);
}

static void authorities(void **state)
{
	static const struct {
		const char *name, *authority;
	} cases[] = {
		{ "http://10.0.0.1:80", "10.0.0.1:80" },
		{ "http://h.example/path", "h.example" },
		{ "http://[fd00::1]:8080/x?y", "[fd00::1]:8080" },
		{ "10.0.0.1:5432", "10.0.0.1:5432" },
		{ "http://h?q", "h" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct endpoint at = { addr_any4, 1 };
		struct target *t = target_new(cases[i].name, &at, NULL, 3);
		assert_string_equal(t->authority, cases[i].authority);
		assert_string_equal(t->name, cases[i].name);
		assert_true(atomic_load(&t->up) && !atomic_load(&t->retired));
		assert_int_equal((uintptr_t)&t->cells[1] % 64, 0);
		for (unsigned w = 0; w < t->ncells; w++)
			assert_true(list_empty(&t->cells[w].idle));
		target_unref(&t);
		target_unref(&t);
	}
}

static void explanations(void **state)
{
	const struct endpoint at = { .port = 80 };
	struct target *t = target_new("198.18.1.11:80", &at, NULL, 1);
	char text[TARGET_REASON_MAX];

	(void)state;
	for (enum target_reason r = TARGET_INITIAL; r <= TARGET_UNEXPECTED_DATA; r++) {
		target_explain(t, r, text);
		assert_true(strlen(text) > 3);
	}
	target_set_via(t, "198.18.0.10:80 through ipip to 198.18.1.11");
	target_explain(t, TARGET_CONNECT_TIMEOUT, text);
	assert_string_equal(text, "198.18.0.10:80 through ipip to 198.18.1.11: connect timed out");
	target_set_via(t, "198.18.0.10:80 through gue to 198.18.1.11");
	target_explain(t, TARGET_CHECK_OK, text);
	assert_string_equal(text, "198.18.0.10:80 through gue to 198.18.1.11: health check passed");
	target_set_via(t, NULL);
	target_explain(t, TARGET_CONNECT_TIMEOUT, text);
	assert_string_equal(text, "connect timed out");
	target_set_via(t, "again");
	target_unref(&t); /* with what it holds */
}

/* --- what a policy is told
 * --------------------------------------------------------------------------------------------------------------- */

static int ended_item = -1;
static uint64_t ended_latency;
static bool ended_ok;

static void first_init(void *self, const struct balance_item *items, size_t n, struct rng *rng)
{
	(void)self;
	(void)rng;
	assert_int_equal(n, 2);
	assert_int_equal(items[1].weight, 9);
	assert_true(atomic_load(items[0].usable));
}

static int first_pick(void *self, uint64_t key)
{
	(void)self;
	return (int)(key % 2);
}

static void first_end(void *self, int item, uint64_t latency_ns, bool ok)
{
	(void)self;
	ended_item = item;
	ended_latency = latency_ns;
	ended_ok = ok;
}

static void of_policy_with_end(void **state)
{
	static const struct balance_ops by_key = {
		.name = "by-key", .size = 8, .init = first_init, .pick = first_pick, .end = first_end
	};
	static const uint32_t weights[] = { 4, 9 };
	struct target *t[2];
	int item;
	(void)state;
	struct service *s = make(2, weights, &by_key, t);
	assert_ptr_equal(service_pick(s, 1, 5, &item), t[1]);
	service_done(s, 1, item, 123, true);
	assert_int_equal(ended_item, 1);
	assert_int_equal(ended_latency, 123);
	assert_true(ended_ok);
	drop(s, 2, t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_flight),   cmocka_unit_test(nobody_there), cmocka_unit_test(references),
		cmocka_unit_test(authorities), cmocka_unit_test(explanations), cmocka_unit_test(of_policy_with_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
