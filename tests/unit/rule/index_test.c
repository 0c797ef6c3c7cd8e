/* The index against the obvious: walking all rules in order of priority. And what a lookup costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "rule/index.c"
#include "facts.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

static const struct rule *compile(enum rule_dialect dialect, const char *text)
{
	struct err_list errs;
	const struct rule *r;

	err_init(&errs);
	r = rule_compile(&arena, dialect, text, (struct place){ 0 }, NULL, &errs);
	if (!r)
		fail_msg("%s: %s", text, errs.v[0].text);
	err_free(&errs);
	return r;
}

static void *linear(const struct rule_entry *entries, size_t n, const struct rule_facts *f)
{
	const struct rule_entry *best = NULL;

	for (size_t i = 0; i < n; i++)
		if ((!best || entries[i].priority > best->priority) && rule_match(entries[i].rule, f))
			best = &entries[i];
	return best ? best->value : NULL;
}

/* How many names a rule is bound to, and which. */
static void derivation_of_names(void **state)
{
	static const struct {
		const char *rule;
		size_t keys;
	} rows[] = {
		{ "Host(`a`)", 1 },
		{ "Host(`*.a`)", 1 },
		{ "Host(`*`)", 0 },
		{ "Path(`/`)", 0 },
		{ "!Host(`a`)", 0 },
		{ "Host(`a`) && Path(`/`)", 1 },
		{ "Path(`/`) && Host(`a`)", 1 },
		{ "Host(`a`) || Host(`b`)", 2 },
		{ "Host(`a`) || Path(`/`)", 0 },
		{ "(Host(`a`) || Host(`b`)) && Path(`/`)", 2 },
		{ "(Host(`a`) || Host(`b`)) && Host(`c`)", 1 },
		{ "(Host(`a`) && Path(`/`)) || (Host(`b`) && Method(`GET`))", 2 },
		{ "(Host(`a`) && Path(`/`)) || Method(`GET`)", 0 },
		{ "!(Host(`a`) || Host(`b`)) && Path(`/`)", 0 },
		{ "Host(`*`) && Host(`a`)", 1 },
		{ "Host(`*`) || Host(`a`)", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(rule_index_count(compile(RULE_HTTP, rows[i].rule)->root), rows[i].keys);
}

static void priority_then_order_given(void **state)
{
	static const char names[] = "abcdef";
	const struct rule_entry entries[] = {
		{ compile(RULE_HTTP, "PathPrefix(`/`)"), 5, (void *)&names[0] },
		{ compile(RULE_HTTP, "Host(`x.y`)"), 10, (void *)&names[1] },
		{ compile(RULE_HTTP, "Host(`*.y`)"), 10, (void *)&names[2] },
		{ compile(RULE_HTTP, "PathPrefix(`/high`)"), 10, (void *)&names[3] },
		{ compile(RULE_HTTP, "Host(`z.y`) && Path(`/top`)"), 20, (void *)&names[4] },
		{ compile(RULE_HTTP, "PathPrefix(`/`)"), -3, (void *)&names[5] },
	};
	static const struct {
		const char *host, *path;
		char want; /* 0: none */
	} rows[] = {
		{ "x.y", "/", 'b' },   { "z.y", "/", 'c' },	  { "z.y", "/top", 'e' },
		{ "other", "/", 'a' }, { "other", "/high", 'd' }, { "z.y", "/high", 'c' },
		{ "", "/", 'a' },      { "x.y", "", 'b' },	  { "other", "", 0 },
	};
	struct rule_index *ix = rule_index_build(&arena, entries, ARRAY_LEN(entries));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts f = facts_http("GET", rows[i].host, rows[i].path);
		const char *got = rule_index_find(ix, &f);

		assert_int_equal(got ? *got : 0, rows[i].want);
	}
}

static void an_empty_index_finds_nothing(void **state)
{
	struct rule_index *ix = rule_index_build(&arena, NULL, 0);
	struct rule_facts f = facts_http("GET", "a.b", "/");

	(void)state;
	assert_null(rule_index_find(ix, &f));
}

/* The values of an index outlive the array it was built from. */
static void entries_are_copied(void **state)
{
	struct rule_entry e = { compile(RULE_HTTP, "Host(`a`)"), 1, "value" };
	struct rule_index *ix = rule_index_build(&arena, &e, 1);
	struct rule_facts f = facts_http("GET", "a", "/");

	(void)state;
	e = (struct rule_entry){ 0 };
	assert_string_equal(rule_index_find(ix, &f), "value");
}

static void server_names_are_indexed_too(void **state)
{
	const struct rule_entry entries[] = {
		{ compile(RULE_TCP, "HostSNI(`*`)"), -1, "any" },
		{ compile(RULE_TCP, "HostSNI(`a.com`)"), 16, "exact" },
		{ compile(RULE_TCP, "HostSNI(`*.com`)"), 15, "child" },
	};
	struct rule_index *ix = rule_index_build(&arena, entries, ARRAY_LEN(entries));

	(void)state;
	assert_string_equal(rule_index_find(ix, &(struct rule_facts){ .sni = STR("a.com") }), "exact");
	assert_string_equal(rule_index_find(ix, &(struct rule_facts){ .sni = STR("b.com") }), "child");
	assert_string_equal(rule_index_find(ix, &(struct rule_facts){ .sni = STR("b.a.com") }), "any");
	assert_string_equal(rule_index_find(ix, &(struct rule_facts){ .sni = STR("") }), "any");
	assert_int_equal(ix->general.n, 1);
}

static void a_name_twice_in_a_rule_is_one_entry(void **state)
{
	const struct rule_entry e = { compile(RULE_HTTP, "Host(`a`) || Host(`A`) && Path(`/`)"), 0, "v" };
	struct rule_index *ix = rule_index_build(&arena, &e, 1);

	(void)state;
	assert_int_equal(rule_index_slot(ix, STR("a"), (uint32_t)hash_str(STR("a"), 0))->n, 1);
}

static void random_rule(struct rng *rng, struct buf *b, unsigned depth)
{
	static const char *const hosts[] = { "a.x", "b.x", "c.x", "*.x", "x", "*", ".x", "a.b.x" };
	unsigned kind = depth == 0 ? rng_below(rng, 3) : rng_below(rng, 7);

	switch (kind) {
	case 0:
	case 1:
		buf_printf(b, "Host(`%s`)", hosts[rng_below(rng, ARRAY_LEN(hosts))]);
		return;
	case 2:
		buf_printf(b, "PathPrefix(`/%c`)", 'a' + (char)rng_below(rng, 3));
		return;
	case 3:
		buf_puts(b, "!(");
		random_rule(rng, b, depth - 1);
		break;
	default:
		buf_char(b, '(');
		random_rule(rng, b, depth - 1);
		buf_puts(b, kind == 4 ? " || " : " && ");
		random_rule(rng, b, depth - 1);
	}
	buf_char(b, ')');
}

static void index_equals_linear_scan(void **state)
{
	static const char *const hosts[] = { "a.x", "b.x", "c.x", "d.x", "x", "", ".x", "a.b.x", "q" };
	static const char *const paths[] = { "/a", "/b", "/c", "/d" };
	static char values[40];
	unsigned found = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 11);
	for (int round = 0; round < 400; round++) {
		struct rule_entry entries[40];
		size_t n = rng_below(&rng, ARRAY_LEN(entries) + 1);

		for (size_t i = 0; i < n; i++) {
			struct buf b;

			buf_init(&b, 0);
			random_rule(&rng, &b, 3);
			_cleanup_free_ char *text = buf_take(&b);

			entries[i] = (struct rule_entry){ compile(RULE_HTTP, text), (int64_t)rng_below(&rng, 6) - 2,
							  &values[i] };
		}
		struct rule_index *ix = rule_index_build(&arena, entries, n);

		for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
			for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
				struct rule_facts f = facts_http("GET", hosts[h], paths[p]);
				void *want = linear(entries, n, &f);

				assert_ptr_equal(rule_index_find(ix, &f), want);
				found += want != NULL;
			}
		}
		arena_reset(&arena);
	}
	assert_true(found > 5000);
}

/* Requests for 4096 of the hosts in a scattered order, so that the tables are not all in the nearest cache. */
static double lookup_ns(size_t routers)
{
	enum { REQUESTS = 4096, ROUNDS = 100 };
	struct rule_entry *entries = mem_alloc((routers + 1) * sizeof(*entries));
	struct rule_facts *facts = mem_alloc(REQUESTS * sizeof(*facts));
	unsigned hits = 0;

	for (size_t i = 0; i < routers; i++) {
		char *text = arena_printf(&arena, "Host(`host-%zu.example.com`) && PathPrefix(`/api`)", i);

		entries[i] = (struct rule_entry){ compile(RULE_HTTP, text), (int64_t)strlen(text), "v" };
	}
	entries[routers] = (struct rule_entry){ compile(RULE_HTTP, "PathPrefix(`/`)"), 15, "v" };
	struct rule_index *ix = rule_index_build(&arena, entries, routers + 1);

	for (size_t i = 0; i < REQUESTS; i++) {
		char *host = arena_printf(&arena, "host-%zu.example.com", (i * 7919) % routers);

		facts[i] = facts_http("GET", host, "/api/v1/users");
	}
	uint64_t start = clock_mono_ns();

	for (unsigned i = 0; i < ROUNDS * REQUESTS; i++)
		hits += rule_index_find(ix, &facts[i % REQUESTS]) != NULL;
	double ns = (double)(clock_mono_ns() - start) / (ROUNDS * REQUESTS);

	assert_int_equal(hits, ROUNDS * REQUESTS);
	free(entries);
	free(facts);
	arena_reset(&arena);
	return ns;
}

/* The figures are for the reader; lists_stay_short asserts the reason why they differ little. */
static void cost_is_printed(void **state)
{
	(void)state;
	print_message("rule_index_find: %.0f ns with 10 routers, %.0f ns with 10,000\n", lookup_ns(10),
		      lookup_ns(10000));
}

static void lists_stay_short(void **state)
{
	struct rule_entry entries[500];
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		snprintf(text, sizeof(text), i % 2 ? "Host(`h%zu.a`)" : "Host(`*.h%zu.a`) && Path(`/`)", i);
		entries[i] = (struct rule_entry){ compile(RULE_HTTP, text), 0, "v" };
	}
	struct rule_index *ix = rule_index_build(&arena, entries, ARRAY_LEN(entries));

	assert_int_equal(ix->general.n, 0);
	for (uint32_t i = 0; i <= ix->mask; i++)
		assert_in_range(ix->buckets[i].n, 0, 1);
	assert_true(ix->mask + 1 >= 2 * ARRAY_LEN(entries));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(derivation_of_names),
		TEST(priority_then_order_given),
		TEST(an_empty_index_finds_nothing),
		TEST(entries_are_copied),
		TEST(server_names_are_indexed_too),
		TEST(index_equals_linear_scan),
		TEST(a_name_twice_in_a_rule_is_one_entry),
		TEST(lists_stay_short),
		TEST(cost_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
