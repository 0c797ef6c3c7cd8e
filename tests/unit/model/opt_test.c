/* The option engine on a table with a row of every kind: decoding, all errors at once, comparing, printing, documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "model/opt.c"
#include "model/opt_decode.c"
#include "model/opt_kind.c"
#include "model/opt_print.c"
#include "model/opt_doc.c"

struct inner {
	int64_t n;
	char *need;
	struct place at;
};
struct kind_a {
	bool on;
};
struct everything {
	bool b;
	int64_t i;
	uint64_t size;
	int64_t d;
	double x;
	char *s, *secret;
	int e;
	struct opt_strings strings;
	struct opt_doubles doubles;
	struct inner in;
	struct inner *opt;
	struct opt_list list;
	struct opt_map map;
	struct opt_one_of one;
	struct opt_string_map texts;
	struct place s_at;
};

static int checks, struct_checks;

static void count_check(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	(void)c;
	(void)value;
	(void)at;
	(void)key;
	checks++;
}

static void count_struct(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	(void)c;
	(void)value;
	(void)at;
	(void)key;
	struct_checks++;
}

static const struct opt plain_rows[] = {
	{ .name = "n", .kind = OPT_INT, .offset = offsetof(struct inner, n), .def = "7", .doc = "N." },
	{ 0 },
};
static const struct opt_table plain = { .rows = plain_rows,
					.size = sizeof(struct inner),
					.place_offset = offsetof(struct inner, at) };
static const struct opt inner_rows[] = {
	{ .name = "n", .kind = OPT_INT, .offset = offsetof(struct inner, n), .def = "7", .doc = "N." },
	{ .name = "need",
	  .kind = OPT_STRING,
	  .offset = offsetof(struct inner, need),
	  .flags = OPT_REQUIRED,
	  .example = "x",
	  .doc = "Need." },
	{ 0 },
};
static const char *const gone[] = { "oldKey", NULL };
static const struct opt_table inner = { .rows = inner_rows,
					.size = sizeof(struct inner),
					.place_offset = offsetof(struct inner, at),
					.unsupported = gone };
static const struct opt a_rows[] = {
	{ .name = "on", .kind = OPT_BOOL, .offset = offsetof(struct kind_a, on), .doc = "On." }, { 0 }
};
static const struct opt_table table_a = { .rows = a_rows, .size = sizeof(struct kind_a), .place_offset = OPT_NO_PLACE };
static const struct opt_table table_b = { .rows = (const struct opt[]){ { 0 } },
					  .size = 1,
					  .place_offset = OPT_NO_PLACE };
static const struct opt_variant variant_list[] = { { "kindA", &table_a, "A" }, { "kindB", &table_b, "B" }, { 0 } };
static const struct opt_variant *variants = variant_list;
static const struct opt one_rows[] = {
	{ .name = "kind", .kind = OPT_ONE_OF, .offset = 0, .variants = &variants },
	{ 0 },
};
static const struct opt_table one_table = { .rows = one_rows,
					    .size = sizeof(struct opt_one_of),
					    .place_offset = OPT_NO_PLACE };
static const char *const colours[] = { "red", "green", "blue", NULL };

#define T struct everything
static const struct opt rows[] = {
	{ .name = "flag", .kind = OPT_BOOL, .offset = offsetof(T, b), .def = "true", .doc = "A flag | a bar." },
	{ .name = "count",
	  .kind = OPT_INT,
	  .offset = offsetof(T, i),
	  .def = "3",
	  .min = 1,
	  .max = 10,
	  .doc = "C.",
	  .check = count_check },
	{ .name = "size",
	  .kind = OPT_SIZE,
	  .offset = offsetof(T, size),
	  .def = "64KiB",
	  .min = 1024,
	  .max = INFINITY,
	  .doc = "S." },
	{ .name = "time",
	  .kind = OPT_DURATION,
	  .offset = offsetof(T, d),
	  .def = "90s",
	  .min = 1e6,
	  .max = 3600e9,
	  .doc = "T." },
	{ .name = "ratio", .kind = OPT_DOUBLE, .offset = offsetof(T, x), .def = "0.5", .doc = "R." },
	{ .name = "text",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, s),
	  .place_at = offsetof(T, s_at),
	  .doc = "Text.",
	  .check = count_check },
	{ .name = "secret", .kind = OPT_STRING, .offset = offsetof(T, secret), .flags = OPT_SECRET, .doc = "Secret." },
	{ .name = "colour",
	  .kind = OPT_ENUM,
	  .offset = offsetof(T, e),
	  .def = "green",
	  .choices = colours,
	  .doc = "Colour." },
	{ .name = "names", .kind = OPT_STRINGS, .offset = offsetof(T, strings), .doc = "Names." },
	{ .name = "steps", .kind = OPT_DOUBLES, .offset = offsetof(T, doubles), .def = "0.1,2", .doc = "Steps." },
	{ .name = "section", .kind = OPT_STRUCT, .offset = offsetof(T, in), .table = &plain, .doc = "Section." },
	{ .name = "maybe", .kind = OPT_OPTIONAL, .offset = offsetof(T, opt), .table = &plain, .doc = "Maybe." },
	{ .name = "items", .kind = OPT_LIST, .offset = offsetof(T, list), .table = &inner, .doc = "Items." },
	{ .name = "named", .kind = OPT_MAP, .offset = offsetof(T, map), .table = &one_table, .doc = "Named." },
	{ .name = "texts", .kind = OPT_STRING_MAP, .offset = offsetof(T, texts), .doc = "Texts." },
	{ 0 },
};
static const struct opt_elsewhere elsewhere[] = { { "other", NULL }, { "wrongFile", "belongs elsewhere" }, { 0 } };
static const struct opt_table table = {
	.rows = rows, .size = sizeof(T), .place_offset = OPT_NO_PLACE, .check = count_struct, .elsewhere = elsewhere
};

struct fixture {
	struct arena a;
	struct err_list errs;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	arena_init(&f->a);
	err_init(&f->errs);
	checks = struct_checks = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_reset(&f->a);
	err_free(&f->errs);
	free(f);
	return 0;
}

static int decode(struct fixture *f, const char *text, struct everything *ret)
{
	struct opt_ctx c = { .arena = &f->a, .errs = &f->errs };
	struct tree *t = yaml_parse(&f->a, "t", str_of(text), &f->errs);

	assert_non_null(t);
	return opt_decode(&c, &table, t, "", ret);
}

static const char *full =
	"FLAG: false\ncount: 10\nsize: 1MiB\ntime: 1m\nratio: 1.25\ntext: \"a: b\"\nsecret: hush\ncolour: BLUE\n"
	"names: [ a, ' b ', \"null\" ]\nsteps: [ 1, 2.5 ]\nsection: { n: -1 }\nmaybe: { n: 2 }\n"
	"items: [ { need: x }, { need: 'y z', n: 4 } ]\nnamed: { one: { kindA: { on: true } }, two: { KINDB: {} } }\n"
	"texts: { K: v, k: '' }\nother: ignored\n";

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	struct everything v;
	struct opt_ctx c = { .arena = &f->a, .errs = &f->errs };

	assert_int_equal(opt_decode(&c, &table, NULL, "", &v), 0);
	assert_true(v.b);
	assert_int_equal(v.i, 3);
	assert_int_equal(v.size, 65536);
	assert_int_equal(v.d, 90000000000);
	assert_int_equal(v.e, 1);
	assert_null(v.s);
}

static void test_every_kind(void **state)
{
	struct fixture *f = *state;
	struct everything v;

	assert_int_equal(decode(f, full, &v), 0);
	assert_int_equal(f->errs.n, 0);
	assert_false(v.b);
	assert_int_equal(v.i, 10);
	assert_int_equal(v.size, 1 << 20);
	assert_int_equal(v.d, 60000000000);
	assert_true(v.x == 1.25);
	assert_string_equal(v.s, "a: b");
	assert_int_equal(v.s_at.line, 6);
	assert_int_equal(v.s_at.col, 7);
	assert_int_equal(v.e, 2);
	assert_int_equal(v.strings.n, 3);
	assert_string_equal(v.strings.v[1], "b");
	assert_string_equal(v.strings.v[2], "null");
	assert_int_equal(v.doubles.n, 2);
	assert_int_equal(v.in.n, -1);
	assert_int_equal(v.opt->n, 2);
	assert_int_equal(v.list.n, 2);
	assert_int_equal(((struct inner *)opt_list_at(&v.list, 0))->n, 7);
	assert_string_equal(((struct inner *)opt_list_at(&v.list, 1))->need, "y z");
	assert_int_equal(((struct inner *)opt_list_at(&v.list, 1))->at.line, 13);
	assert_string_equal(((struct opt_one_of *)opt_map_get(&v.map, "one"))->variant->tag, "A");
	assert_true(((struct kind_a *)((struct opt_one_of *)opt_map_get(&v.map, "one"))->value)->on);
	assert_string_equal(((struct opt_one_of *)opt_map_get(&v.map, "two"))->variant->tag, "B");
	assert_null(opt_map_get(&v.map, "ONE"));
	assert_int_equal(v.texts.n, 2);
	assert_string_equal(v.texts.keys[0], "K");
	assert_int_equal(checks, 2);
	assert_int_equal(struct_checks, 1);
}

static void test_forms(void **state)
{
	struct fixture *f = *state;
	struct everything v;

	assert_int_equal(decode(f, "names: 'a, b ,c'\nsteps: '1,2,3'\nmaybe: true\ntime: 5\ncount: ~\ntext: ''\n", &v),
			 0);
	assert_int_equal(v.strings.n, 3);
	assert_string_equal(v.strings.v[2], "c");
	assert_int_equal(v.doubles.n, 3);
	assert_non_null(v.opt);
	assert_int_equal(v.opt->n, 7);
	assert_int_equal(v.d, 5000000000);
	assert_int_equal(v.i, 3);
	assert_null(v.s);
	assert_int_equal(checks, 0); /* nothing was written that has a check, or it was empty */
	assert_int_equal(decode(f, "maybe: false\nnames: []\n", &v), 0);
	assert_null(v.opt);
}

static const struct {
	const char *text, *key, *says;
	int line, col;
} bad[] = {
	{ "cuont: 1\n", "cuont", "unknown key; did you mean `count`? expected one of flag, count", 1, 1 },
	{ "section: { xyz: 1 }\n", "section.xyz", "unknown key; expected n", 1, 12 },
	{ "zzzzzzzz: 1\n", "zzzzzzzz", "unknown key; expected one of", 1, 1 },
	{ "wrongFile: 1\n", "wrongFile", "belongs elsewhere", 1, 1 },
	{ "items: [ { need: a, OLDKEY: 1 } ]\n", "items[0].OLDKEY", "known to Traefik, not supported", 1, 21 },
	{ "count: 1\nCount: 2\n", "count", "given twice; the first is on line 1", 2, 1 },
	{ "count: 11\n", "count", "\"11\" is out of range; expected an integer between 1 and 10", 1, 8 },
	{ "count: x\n", "count", "\"x\" is not valid", 1, 8 },
	{ "size: 1\n", "size", "at least 1KiB", 1, 7 },
	{ "time: 2h\n", "time", "between 1ms and 1h0m0s", 1, 7 },
	{ "flag: yes\n", "flag", "expected true or false", 1, 7 },
	{ "colour: gren\n", "colour", "expected one of red, green, blue; did you mean `green`?", 1, 9 },
	{ "ratio: nan\n", "ratio", "expected a number", 1, 8 },
	{ "steps: [ 1, x ]\n", "steps", "\"x\" is not valid", 1, 13 },
	{ "names: [ a, [] ]\n", "names[1]", "expected text; found a list", 1, 13 },
	{ "names: { a: b }\n", "names", "expected a list of texts", 1, 8 },
	{ "section: 5\n", "section", "expected a mapping; found a value", 1, 10 },
	{ "maybe: 5\n", "maybe", "expected a mapping, true or false; found a value", 1, 8 },
	{ "items: { need: a }\n", "items", "expected a list of mappings", 1, 8 },
	{ "items: [ {} ]\n", "items[0].need", "missing; expected text", 1, 10 },
	{ "items: [ { need: '' } ]\n", "items[0].need", "must not be empty", 1, 18 },
	{ "items: [ ~ ]\n", "items[0]", "expected a mapping; found nothing", 1, 10 },
	{ "named: []\n", "named", "expected a mapping; found a list", 1, 8 },
	{ "named: { one: {} }\n", "named.one", "exactly one of kindA, kindB", 1, 15 },
	{ "named: { one: { kindA: {}, kindB: {} } }\n", "named.one",
	  "only one kind is allowed; `kindA` is already given", 1, 28 },
	{ "named: { one: { kindC: {} } }\n", "named.one.kindC", "did you mean `kindA`?", 1, 17 },
	{ "named: { '': { kindA: {} } }\n", "named", "a name must not be empty", 1, 10 },
	{ "texts: { k: [ a ] }\n", "texts.k", "expected text; found a list", 1, 13 },
	{ "- a\n", "", "expected a mapping; found a list", 1, 1 },
	{ "secret: [ hush ]\n", "secret", "expected text; found a list", 1, 9 },
};

static void test_errors(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct everything v;
		const struct err_item *e = NULL;

		assert_int_equal(decode(f, bad[i].text, &v), -EINVAL);
		assert_int_equal(f->errs.errors, 1);
		e = &f->errs.v[0];
		if (strcmp(e->key ? e->key : "", bad[i].key) || !strstr(e->text, bad[i].says) ||
		    e->line != bad[i].line || e->col != bad[i].col)
			fail_msg("%s: %d:%d: %s: %s", bad[i].text, e->line, e->col, e->key ? e->key : "", e->text);
		err_free(&f->errs);
		err_init(&f->errs);
	}
	assert_int_equal(struct_checks, 0);
}

static void test_all_errors_at_once(void **state)
{
	struct fixture *f = *state;
	struct everything v;

	assert_int_equal(decode(f, "count: x\nbogus: 1\nitems: [ { n: y }, { need: a, n: z } ]\nsize: 1\n", &v),
			 -EINVAL);
	assert_int_equal(f->errs.errors, 6);
}

static void test_misspelt_is_not_missing_too(void **state)
{
	struct fixture *f = *state;
	struct everything v;

	assert_int_equal(decode(f, "items: [ { ned: a } ]\n", &v), -EINVAL);
	assert_int_equal(f->errs.errors, 1);
}

static char *print(const struct everything *v, enum opt_print_format format, bool all)
{
	struct buf out;

	buf_init(&out, 0);
	opt_print(&table, v, format, all, 0, &out);
	return buf_take(&out);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct everything v, again;

	assert_int_equal(decode(f, full, &v), 0);
	v.secret = NULL; /* printed masked, so it can not come back */
	for (int all = 0; all < 2; all++) {
		_cleanup_free_ char *text = print(&v, OPT_YAML, all);

		assert_int_equal(decode(f, text, &again), 0);
		assert_true(opt_equal(&table, &v, &again));
	}
}

static void test_print(void **state)
{
	struct fixture *f = *state;
	struct everything v;
	_cleanup_free_ char *yaml = NULL, *json = NULL, *nothing = NULL;

	assert_int_equal(decode(f, "", &v), 0);
	nothing = print(&v, OPT_YAML, false);
	assert_string_equal(nothing, "");
	assert_int_equal(decode(f, full, &v), 0);
	yaml = print(&v, OPT_YAML, false);
	assert_null(strstr(yaml, "hush"));
	assert_non_null(strstr(yaml, "secret: xxxx\n"));
	assert_non_null(strstr(yaml, "items:\n  - need: x\n  - n: 4\n    need: \"y z\"\n"));
	assert_non_null(strstr(yaml, "  two:\n    kindB: {}\n"));
	assert_non_null(strstr(yaml, "names: [a, b, \"null\"]\n"));
	json = print(&v, OPT_JSON, false);
	assert_null(strstr(json, "hush"));
	assert_non_null(strstr(json, "\"size\":1048576,\"time\":\"1m0s\",\"ratio\":1.25"));
	assert_non_null(strstr(json, "\"named\":{\"one\":{\"kindA\":{\"on\":true}},\"two\":{\"kindB\":{}}}"));
}

static void test_equal_sees_every_row(void **state)
{
	static const char *const changes[] = { "FLAG: true",
					       "count: 9",
					       "size: 2MiB",
					       "time: 2m",
					       "ratio: 2",
					       "text: t",
					       "secret: s",
					       "colour: red",
					       "names: [ a ]",
					       "steps: [ 1, 3 ]",
					       "section: { n: 0 }",
					       "maybe: { n: 3 }",
					       "items: [ { need: x } ]",
					       "named: { one: { kindB: {} } }",
					       "texts: { K: w, k: '' }" };
	struct fixture *f = *state;
	struct everything a, b;

	assert_int_equal(decode(f, full, &a), 0);
	assert_int_equal(decode(f, full, &b), 0);
	assert_true(opt_equal(&table, &a, &b));
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		_cleanup_free_ char *text = mem_strdup(full);
		size_t name = strcspn(changes[i], ":");
		_cleanup_free_ char *key = mem_printf("\n%.*s:", (int)name, changes[i]);
		char *line = i ? strstr(text, key) : text - 1, *rest;
		_cleanup_free_ char *changed = NULL;

		assert_non_null(line);
		rest = strchr(line + 1, '\n') + 1;
		line[1] = 0;
		changed = mem_printf("%s%s\n%s", text, changes[i], rest);
		assert_int_equal(decode(f, changed, &b), 0);
		if (opt_equal(&table, &a, &b))
			fail_msg("%s is not seen", changes[i]);
	}
	assert_int_equal(decode(f, "named: { b: { kindB: {} }, a: { kindA: {} } }", &a), 0);
	assert_int_equal(decode(f, "named: { a: { kindA: {} }, b: { kindB: {} } }", &b), 0);
	assert_true(opt_equal(&table, &a, &b));
}

static void test_documents(void **state)
{
	struct fixture *f = *state;
	struct everything v;
	struct buf out;
	_cleanup_free_ char *example = NULL, *reference = NULL;

	buf_init(&out, 0);
	opt_example(&table, 0, &out);
	example = buf_take(&out);
	assert_int_equal(decode(f, example, &v), 0);
	assert_int_equal(v.list.n, 1);
	assert_non_null(opt_map_get(&v.map, "kindA"));
	assert_non_null(opt_map_get(&v.map, "kindB"));
	opt_reference(&table, "top", &out);
	reference = buf_take(&out);
	assert_non_null(strstr(reference, "| `count` | integer | `3` | between 1 and 10 | C. |"));
	assert_non_null(strstr(reference, "A flag \\| a bar."));
	assert_non_null(strstr(reference, "## `top.items[]`"));
	assert_non_null(strstr(reference, "## `top.named.<name>.kindA`"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_errors_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misspelt_is_not_missing_too, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print, setup, teardown),
		cmocka_unit_test_setup_teardown(test_equal_sees_every_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
