/* The option tables themselves: every default decodes, every row says what it is, the generated example is valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "conf/explain.c"
#include "conf/schema.c"

struct strip {
	struct opt_strings prefixes;
};
static const struct opt strip_rows[] = {
	{ .name = "prefixes",
	  .kind = OPT_STRINGS,
	  .flags = OPT_REQUIRED,
	  .example = "[/v1]",
	  .doc = "Prefixes to cut." },
	{ 0 },
};
static const struct opt_table strip = { .rows = strip_rows,
					.size = sizeof(struct strip),
					.place_offset = OPT_NO_PLACE };
static const struct opt_variant variants[] = { { "stripPrefix", &strip, NULL }, { 0 } };

static void check_rows(const struct opt_table *table, const char *key)
{
	for (const struct opt *o = table->rows; o->name; o++) {
		_cleanup_free_ char *path = mem_printf("%s.%s", key, o->name);

		if (!o->doc || strlen(o->doc) < 10 || o->doc[strlen(o->doc) - 1] != '.')
			fail_msg("%s has no paragraph", path);
		if (o->offset >= table->size)
			fail_msg("%s lies outside its struct", path);
		for (const struct opt *other = table->rows; other < o; other++)
			if (!strcasecmp(other->name, o->name) || other->offset == o->offset)
				fail_msg("%s collides with %s", path, other->name);
		for (const char *const *u = table->unsupported; u && *u; u++)
			if (!strcasecmp(*u, o->name))
				fail_msg("%s is supported and unsupported", path);
		if (o->table)
			check_rows(o->table, path);
	}
}

static void test_rows(void **state)
{
	(void)state;
	check_rows(&static_table, "");
	check_rows(&dynamic_table, "");
}

/* Recursive by hand, because defaults inside lists and maps are not reached from an empty document. */
static void check_defaults(const struct opt_table *table, struct arena *a, struct err_list *errs)
{
	struct opt_ctx c = { .arena = a, .errs = errs };

	assert_int_equal(opt_decode(&c, table, NULL, "", arena_zalloc(a, table->size)), 0);
	for (const struct opt *o = table->rows; o->name; o++)
		if (o->table)
			check_defaults(o->table, a, errs);
}

static void test_defaults(void **state)
{
	struct arena a;
	struct err_list errs;

	(void)state;
	arena_init(&a);
	err_init(&errs);
	check_defaults(&static_table, &a, &errs);
	check_defaults(&dynamic_table, &a, &errs);
	assert_int_equal(errs.n, 0);
	arena_reset(&a);
	err_free(&errs);
}

static void test_documents(void **state)
{
	struct arena a;
	struct err_list errs;
	struct opt_ctx c = { .arena = &a, .errs = &errs };
	struct static_conf st;
	struct dynamic_conf dynamic;
	struct buf out;
	struct tree *t;

	(void)state;
	arena_init(&a);
	err_init(&errs);
	schema_init(variants);
	buf_init(&out, 0);
	explain_example(&out);
	t = yaml_parse(&a, "full.yaml", buf_view(&out), &errs);
	assert_non_null(t);
	assert_int_equal(opt_decode(&c, &static_table, t, "", &st), 0);
	assert_int_equal(st.entry_points.n, 3);
	for (size_t i = 0; i < t->n; i++) { /* what is left must be routing */
		struct tree one = { .kind = TREE_MAP, .pairs = &t->pairs[i], .n = 1 };
		bool routing = strlen(t->pairs[i].key.p) <= 4 && strchr("htu", t->pairs[i].key.p[0]);

		if (routing)
			assert_int_equal(opt_decode(&c, &dynamic_table, &one, "", &dynamic), 0);
	}
	assert_int_equal(errs.errors, 0);
	buf_reset(&out);
	explain_reference(&out);
	assert_true(buf_ok(&out));
	assert_non_null(memmem(out.p, out.n, "## `http.middlewares.<name>.stripPrefix`", 40));
	assert_non_null(memmem(out.p, out.n, "## `entryPoints.<name>.transport.lifeCycle`", 43));
	buf_free(&out);
	arena_reset(&a);
	err_free(&errs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
