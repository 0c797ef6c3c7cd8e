/* The index: which requests it looks for a rule at, and in which order. That it says the same as walking all rules is
 * property_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rule/cover.c"
#include "rule/index.c"
#include "rule/trie.c"
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

/* Which hosts and paths a rule is bound to: "host path" for each key, '$' behind a whole path, '!' where nothing is
 * left to evaluate, "*" for any. */
static void derivation_of_keys(void **state)
{
	static const struct {
		const char *rule, *keys;
	} rows[] = {
		{ "Host(`a`)", "a*!" },
		{ "Host(`*.a`)", ".a*!" },
		{ "Host(`*`)", "**!" },
		{ "Path(`/`)", "*/$!" },
		{ "PathPrefix(`/a`)", "*/a!" },
		{ "!Host(`a`)", "**" },
		{ "!!Host(`a`)", "a*!" },
		{ "!PathPrefix(`/`)", "**" },
		{ "Host(`a`) && Path(`/`)", "a/$!" },
		{ "Path(`/`) && Host(`a`)", "a/$!" },
		{ "Host(`a`) && PathPrefix(`/x`) && Method(`GET`)", "a/x" },
		{ "Host(`a`) || Host(`b`)", "a*! b*!" },
		{ "Host(`a`) || Path(`/`)", "a*! */$!" },
		{ "Host(`a`) || Method(`GET`)", "**" },
		{ "(Host(`a`) || Host(`b`)) && Path(`/`)", "a/$! b/$!" },
		{ "(Host(`a`) || Host(`b`)) && Host(`b`)", "b*!" },
		{ "(Host(`a`) || Host(`b`)) && (Path(`/`) || PathPrefix(`/x`))", "a/$! a/x! b/$! b/x!" },
		{ "Host(`a`) && Host(`b`)", "" },
		{ "Host(`a.b`) && Host(`*.b`)", "a.b*!" },
		{ "Host(`*.b`) && Host(`a.b`)", "a.b*!" },
		{ "Host(`*.b`) && Host(`b`)", "" },
		{ "Host(`*.b`) && Host(`*.c`)", "" },
		{ "PathPrefix(`/a`) && PathPrefix(`/ab`)", "*/ab!" },
		{ "PathPrefix(`/a`) && Path(`/ab`)", "*/ab$!" },
		{ "Path(`/ab`) && PathPrefix(`/a`)", "*/ab$!" },
		{ "Path(`/ab`) && Path(`/ab`)", "*/ab$!" },
		{ "Path(`/ab`) && PathPrefix(`/ab`)", "*/ab$!" },
		{ "Path(`/a`) && PathPrefix(`/ab`)", "" },
		{ "Path(`/a`) && Path(`/b`)", "" },
		{ "(Host(`a`) && Path(`/`)) || (Host(`b`) && Method(`GET`))", "a/$! b*" },
		{ "(Host(`a`) && Path(`/`)) || Method(`GET`)", "**" },
		{ "!(Host(`a`) || Host(`b`)) && Path(`/`)", "*/$" },
		{ "!(Method(`GET`) || !Host(`a`))", "a*" },
		{ "!(!Host(`a`) && !Host(`b`))", "a*! b*!" },
		{ "Host(`*`) && Host(`a`)", "a*!" },
		{ "Host(`*`) || Host(`a`)", "**!" },
		{ "Host(`.a`)", "**" },
		{ "HostRegexp(`a`) && PathPrefix(`/x`)", "*/x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_cover c = rule_cover_of(&arena, compile(RULE_HTTP, rows[i].rule)->root);
		char got[256] = "";

		for (size_t k = 0; k < c.n; k++) {
			struct str host = c.v[k].host.p ? c.v[k].host : STR("*");
			struct str path = c.v[k].path.n ? c.v[k].path : STR("*");
			size_t n = strlen(got);

			snprintf(got + n, sizeof(got) - n, "%s%.*s%.*s%s%s", k ? " " : "", STR_ARG(host), STR_ARG(path),
				 c.v[k].whole ? "$" : "", c.v[k].sure ? "!" : "");
		}
		if (strcmp(got, rows[i].keys) != 0)
			fail_msg("%s: \"%s\"", rows[i].rule, got);
	}
}

/* How many matchers are left to evaluate where the key fits; -1: all of them, or none. */
static void what_is_left(void **state)
{
	static const struct {
		const char *rule;
		int left;
	} rows[] = {
		{ "Host(`a`) && Method(`GET`)", 1 },
		{ "Host(`a`) && PathPrefix(`/`) && Method(`GET`) && !ClientIP(`::1`)", 2 },
		{ "(Host(`a`) || Host(`b`)) && (Method(`GET`) || Method(`PUT`))", 2 },
		{ "Host(`a`) && !Host(`b`)", 1 },
		{ "Host(`a`) && PathPrefix(`/`)", -1 },
		{ "Method(`GET`) && ClientIP(`::1`)", -1 },
		{ "Host(`a`) && Method(`GET`) || Host(`b`)", -1 },
		{ "Host(`a`) && (Host(`a`) || Method(`GET`))", 2 },
		{ "!(Host(`a`) && Method(`GET`))", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct rule *r = compile(RULE_HTTP, rows[i].rule);
		const struct rule_step *rest = rule_cover_rest(&arena, r->root);
		int left = rest ? 1 : -1;

		for (int k = 0; k < left; k++) {
			left = rest[k].yes < RULE_STEP_NO && rest[k].yes >= left ? rest[k].yes + 1 : left;
			left = rest[k].no < RULE_STEP_NO && rest[k].no >= left ? rest[k].no + 1 : left;
		}
		if (left != rows[i].left)
			fail_msg("%s: %d", rows[i].rule, left);
	}
}

/* 201 hosts and 101 paths would be 20,301 keys. */
static void keys_of_a_rule_are_bounded(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "(Host(`h`)");
	for (int i = 0; i < 200; i++)
		buf_printf(&b, "||Host(`%d`)", i);
	buf_puts(&b, ")&&(Path(`/`)");
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "||Path(`/%d`)", i);
	buf_puts(&b, ")");
	_cleanup_free_ char *text = buf_take(&b);
	struct rule_entry e = { compile(RULE_HTTP, text), 1, "v" };
	struct rule_index *ix = rule_index_build(&arena, &e, 1);
	struct rule_cover c = rule_cover_of(&arena, e.rule->root);
	struct rule_facts yes = facts_http("GET", "17", "/99"), no = facts_http("GET", "17", "/100");

	assert_int_equal(c.n, 101);
	assert_false(c.v[0].sure);
	assert_non_null(rule_index_find(ix, &yes));
	assert_null(rule_index_find(ix, &no));
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

/* Envoy's virtual hosts try their routes in the order written, whatever their length: explicit priorities say so. Its
 * prefixes are Traefik's, its path_separated_prefix is two matchers. */
static void routes_in_the_order_of_envoy(void **state)
{
	static const char *const rules[] = {
		"Host(`*.svc.test`) && Path(`/healthz`)",
		"Host(`*.svc.test`) && PathPrefix(`/a`) && Header(`:version`, `2`)",
		"Host(`*.svc.test`) && (Path(`/api`) || PathPrefix(`/api/`))",
		"Host(`*.svc.test`) && PathRegexp(`^(?:/v[0-9]+/.*)$`)",
		"Host(`*.svc.test`) && PathPrefix(`/a`)",
		"Host(`*.svc.test`) && PathPrefix(`/apis/long/and/specific`)",
		"Host(`*.svc.test`) && PathPrefix(`/`)",
	};
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "/healthz", 0 }, { "/healthz/", 6 }, { "/api", 2 },
		{ "/api/x", 2 },   { "/apix", 4 },     { "/a", 4 },
		{ "/v1/x", 3 },	   { "/v1", 6 },       { "/apis/long/and/specific", 4 },
	};
	struct rule_entry entries[ARRAY_LEN(rules)];
	struct rule_index *ix;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		entries[i] = (struct rule_entry){ compile(RULE_HTTP, rules[i]), (int64_t)(ARRAY_LEN(rules) - i),
						  (void *)(uintptr_t)rules[i] };
	ix = rule_index_build(&arena, entries, ARRAY_LEN(entries));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts f = facts_http("GET", "a.svc.test", rows[i].path);

		assert_string_equal(rule_index_find(ix, &f), rules[rows[i].want]);
	}
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
	assert_int_equal(ix->general.nprefix, 1);
	assert_non_null(rule_index_slot(ix, STR("a.com"), (uint32_t)hash_str(STR("a.com"), 0))->host);
}

static void a_name_twice_in_a_rule_is_one_entry(void **state)
{
	const struct rule_entry e = { compile(RULE_HTTP, "Host(`a`) && Path(`/`) || Host(`A`) && Path(`/`)"), 0, "v" };
	struct rule_index *ix = rule_index_build(&arena, &e, 1);

	(void)state;
	assert_int_equal(ix->tries.nnodes, 0);
	assert_int_equal(ix->hosts[0].root.nwhole, 1);
}

/* Beginnings that are beginnings of each other, byte by byte: every one of them must be found, the longest first. */
static void nested_beginnings(void **state)
{
	enum { DEPTH = 2000 };
	static char path[DEPTH + 2];
	struct rule_entry *entries = arena_alloc(&arena, DEPTH * sizeof(*entries));

	(void)state;
	memset(path, 'a', DEPTH + 1);
	path[0] = '/';
	for (int i = 0; i < DEPTH; i++) {
		char *text = arena_printf(&arena, "PathPrefix(`%.*s`)", i + 1, path);

		entries[i] = (struct rule_entry){ compile(RULE_HTTP, text), i, arena_printf(&arena, "%d", i) };
	}
	struct rule_index *ix = rule_index_build(&arena, entries, DEPTH);

	for (int i = 1; i <= DEPTH; i += 37) {
		struct rule_facts f = { .path = str_mk(path, (size_t)i) };

		assert_int_equal(strtol(rule_index_find(ix, &f), NULL, 10), i - 1);
	}
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

	assert_int_equal(ix->general.best, RULE_NOWHERE);
	assert_int_equal(ix->tries.nentries, 0); /* one each, which the nodes hold themselves */
	assert_int_equal(ix->tries.nnodes, 0);
	assert_true(2 * (ix->mask + 1) >= 3 * ARRAY_LEN(entries));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(derivation_of_keys),
		TEST(what_is_left),
		TEST(keys_of_a_rule_are_bounded),
		TEST(priority_then_order_given),
		TEST(routes_in_the_order_of_envoy),
		TEST(an_empty_index_finds_nothing),
		TEST(entries_are_copied),
		TEST(server_names_are_indexed_too),
		TEST(nested_beginnings),
		TEST(a_name_twice_in_a_rule_is_one_entry),
		TEST(lists_stay_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
