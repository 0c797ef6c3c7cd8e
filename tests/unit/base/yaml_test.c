/* Unit tests of base/yaml: shapes, places, anchors, merge keys, every refusal. */
#include "base/yaml.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

/* Writes a tree as one line: {k: v, k2: [a, "quoted", ~]}. */
static void show(struct buf *b, const struct tree *t)
{
	switch (t->kind) {
	case TREE_NULL:
		buf_char(b, '~');
		break;
	case TREE_SCALAR:
		buf_printf(b, t->quoted ? "\"%s\"" : "%s", t->text.p);
		break;
	case TREE_LIST:
	case TREE_MAP:
		buf_char(b, t->kind == TREE_MAP ? '{' : '[');
		for (size_t i = 0; i < t->n; i++) {
			if (i)
				buf_puts(b, ", ");
			if (t->kind == TREE_MAP)
				buf_printf(b, "%s: ", t->pairs[i].key.p);
			show(b, t->pairs[i].value);
		}
		buf_char(b, t->kind == TREE_MAP ? '}' : ']');
		break;
	}
}

static void assert_yaml(const char *in, const char *want)
{
	_cleanup_free_ char *got = NULL;
	struct arena a;
	struct err_list e;
	struct tree *t;
	struct buf b;

	arena_init(&a);
	err_init(&e);
	buf_init(&b, 0);
	t = yaml_parse(&a, "t.yml", str_of(in), &e);
	if (t)
		show(&b, t);
	else
		for (size_t i = 0; i < e.n; i++) {
			if (i)
				buf_puts(&b, " | ");
			err_format(&e.v[i], &b);
		}
	got = buf_take(&b);
	assert_string_equal(got, want);
	assert_true(t || e.errors);
	err_free(&e);
	arena_reset(&a);
}

static void test_shapes(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "{}" },
		{ "# nothing\n", "{}" },
		{ "---\n", "{}" },
		{ "---\n...\n", "{}" },
		{ "~", "{}" },
		{ "{}", "{}" },
		{ "a", "a" },
		{ "[]", "[]" },
		{ "\xef\xbb\xbf"
		  "a: 1",
		  "{a: 1}" },
		{ "a: 1\nb:\n  - x\n  - y: 2\n    z: 3\n", "{a: 1, b: [x, {y: 2, z: 3}]}" },
		{ "{a: [1, 2], \"b c\": {d: e}}", "{a: [1, 2], b c: {d: e}}" },
		{ "a: b: c\n", "t.yml:1:5: mapping values are not allowed in this context" },
		{ "a: |\n  one\n  two\n", "{a: \"one\ntwo\n\"}" },
		{ "a: >-\n  one\n  two\n", "{a: \"one two\"}" },
		{ "a: plain over\n  two lines\n", "{a: plain over two lines}" },
		{ "rule: Host(`a.b`) && Path(`/x`)\n", "{rule: Host(`a.b`) && Path(`/x`)}" },
		{ "%YAML 1.1\n---\na: 1\n", "{a: 1}" },
		{ "\"\": x", "{: x}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_yaml(cases[i].in, cases[i].out);
}

static void test_nulls(void **state)
{
	(void)state;
	assert_yaml("a:\nb: ~\nc: null\nd: ''\ne: \"~\"\nf: 'null'\ng: nul\nh: !!str\ni: !!null x\nj: NULL",
		    "{a: ~, b: ~, c: ~, d: \"\", e: \"~\", f: \"null\", g: nul, h: \"\", i: ~, j: ~}");
	assert_yaml("[~, , x]", "t.yml:1:5: did not find expected node content while parsing a flow node");
}

static void test_tags(void **state)
{
	(void)state;
	assert_yaml("[!!str 1, !!int 2, !!float 3, !!bool true, ! 5, !!seq [x], !!map {a: b}]",
		    "[\"1\", 2, 3, true, \"5\", [x], {a: b}]");
	assert_yaml("a: !foo b", "t.yml:1:4: tag \"!foo\" is not supported here");
	assert_yaml("a: !!binary aGk=", "t.yml:1:4: tag \"tag:yaml.org,2002:binary\" is not supported here");
	assert_yaml("a: !!map b", "t.yml:1:4: tag \"tag:yaml.org,2002:map\" is not supported here");
	assert_yaml("a: !!seq {b: c}", "t.yml:1:4: tag \"tag:yaml.org,2002:seq\" is not supported here");
	assert_yaml("a: !!set {b}", "t.yml:1:4: tag \"tag:yaml.org,2002:set\" is not supported here");
	assert_yaml("a: !!st b", "t.yml:1:4: tag \"tag:yaml.org,2002:st\" is not supported here");
}

static void test_anchors(void **state)
{
	(void)state;
	assert_yaml("a: &x {b: c}\nd: *x\ne: [*x, *x]\n", "{a: {b: c}, d: {b: c}, e: [{b: c}, {b: c}]}");
	assert_yaml("a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}");
	assert_yaml("&k key: v\n? *k\n: w\n", "t.yml:2:3: key \"key\" is written twice");
	assert_yaml("a: &k key\n*k : v\n", "{a: key, key: v}");
	assert_yaml("a: *nope", "t.yml:1:4: unknown anchor \"nope\"");
	assert_yaml("a: &x [*x]", "t.yml:1:8: unknown anchor \"x\"");
	assert_yaml("a: &x {b: *x}", "t.yml:1:11: unknown anchor \"x\"");
}

static void test_merge(void **state)
{
	(void)state;
	assert_yaml("b: &b {x: 1, y: 2}\nm: {<<: *b, y: 3, z: 4}\n", "{b: {x: 1, y: 2}, m: {y: 3, z: 4, x: 1}}");
	assert_yaml("m: {y: 3, <<: {x: 1, y: 2}}\n", "{m: {y: 3, x: 1}}");
	assert_yaml("m: {<<: [{x: 1}, {x: 2, y: 2}], z: 0}\n", "{m: {z: 0, x: 1, y: 2}}");
	assert_yaml("a: &a {p: 1}\nb: &b {<<: *a, q: 2}\nc: {<<: *b}\n",
		    "{a: {p: 1}, b: {q: 2, p: 1}, c: {q: 2, p: 1}}");
	assert_yaml("m: {\"<<\": {x: 1}}\n", "{m: {<<: {x: 1}}}"); /* quoted: an ordinary key */
	assert_yaml("m: {<<: 3}\n", "t.yml:1:9: \"<<\" takes a mapping or a list of mappings, not a value");
	assert_yaml("m: {<<: [3]}\n", "t.yml:1:10: \"<<\" takes a mapping or a list of mappings, not a value");
	assert_yaml("m: {<<: }\n", "t.yml:1:9: \"<<\" takes a mapping or a list of mappings, not nothing");
	assert_yaml("m: {<<: {x: 1}, <<: {y: 1}}\n", "t.yml:1:17: key \"<<\" is written twice");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a: 1\nb: 2\na: 3\nb: 4\n",
		  "t.yml:3:1: key \"a\" is written twice | t.yml:4:1: key \"b\" is written twice" },
		{ "a: 1\n---\nb: 2\n", "t.yml:2:1: only one document per file" },
		{ "[a, b]: c\n", "t.yml:1:1: a key must be plain text" },
		{ "? {a: b}\n: c\n", "t.yml:1:3: a key must be plain text" },
		{ "~: c\n", "t.yml:1:1: a key must be plain text, not nothing" },
		{ "? \n: c\n", "t.yml:1:2: a key must be plain text, not nothing" },
		{ "a: \"x\\0y\"\n", "t.yml:1:4: a value may not contain a NUL character" },
		{ "\"x\\0y\": a\n", "t.yml:1:1: a value may not contain a NUL character" },
		{ "a: [1\n", "t.yml:2:1: did not find expected ',' or ']' while parsing a flow sequence" },
		{ "a:\n\t- b\n",
		  "t.yml:2:1: found character that cannot start any token while scanning for the next token" },
		{ "a: 1\nb: \xff\n", "t.yml:2: invalid leading UTF-8 octet" },
		{ "a: 'x\n", "t.yml:2:1: found unexpected end of stream while scanning a quoted scalar" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_yaml(cases[i].in, cases[i].out);
}

static void test_places(void **state)
{
	struct arena a;
	struct err_list e;
	struct tree *t, *list;
	char file[] = "x.yml";

	(void)state;
	arena_init(&a);
	err_init(&e);
	t = yaml_parse(&a, file, STR("top:\n  list:\n    - one\n    - 'two'\n"), &e);
	file[0] = '!'; /* the tree has its own copy */
	assert_non_null(t);
	list = tree_get(tree_get(t, "top"), "list");
	assert_int_equal(list->n, 2);
	assert_string_equal(list->pairs[1].value->at.file, "x.yml");
	assert_int_equal(list->pairs[1].value->at.line, 4);
	assert_int_equal(list->pairs[1].value->at.col, 7);
	assert_int_equal(tree_get(t, "top")->pairs[0].key_at.line, 2);
	assert_int_equal(tree_get(t, "top")->pairs[0].key_at.col, 3);
	err_free(&e);
	arena_reset(&a);
}

/* `depth` lists around a scalar. */
static char *nested(unsigned depth)
{
	struct buf b;

	buf_init(&b, 0);
	for (unsigned i = 0; i < depth; i++)
		buf_char(&b, '[');
	buf_char(&b, 'x');
	for (unsigned i = 0; i < depth; i++)
		buf_char(&b, ']');
	return buf_take(&b);
}

static void test_depth(void **state)
{
	_cleanup_free_ char *most = nested(YAML_MAX_DEPTH - 1), *over = nested(YAML_MAX_DEPTH), *far = nested(20000);

	(void)state;
	assert_yaml(most, most);
	assert_yaml(over, "t.yml:1:65: nested more than 64 levels deep");
	assert_yaml(far, "t.yml:1:65: nested more than 64 levels deep");
}

/* Aliases of aliases must not build what nobody could have written. */
static void test_depth_through_aliases(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 62; i++)
		buf_printf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	buf_puts(&b, "z: [*a61]\n");
	buf_char(&b, 0);
	assert_yaml(b.p, "t.yml:63:5: nested more than 64 levels deep");
	buf_free(&b);
}

static void test_billion_laughs(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_printf(&b, "*a%d, ", i - 1);
		buf_puts(&b, "]\n");
	}
	buf_char(&b, 0);
	assert_yaml(b.p, "t.yml:6:50: more than 1048576 values, aliases included");
	buf_free(&b);
}

/* "<<" copies pairs; repeated copying counts too. */
static void test_merge_is_counted(void **state)
{
	struct arena a;
	struct err_list e;
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "b: &b {");
	for (int i = 0; i < 2000; i++)
		buf_printf(&b, "k%d: v, ", i);
	buf_puts(&b, "}\n");
	for (int i = 0; i < 600; i++)
		buf_printf(&b, "m%d: {<<: *b}\n", i);
	arena_init(&a);
	err_init(&e);
	assert_null(yaml_parse(&a, "t", buf_view(&b), &e));
	assert_non_null(strstr(e.v[0].text, "more than 1048576 values"));
	err_free(&e);
	arena_reset(&a);
	buf_free(&b);
}

static void test_large_mapping(void **state)
{
	struct arena a;
	struct err_list e;
	struct tree *t;
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "key%d: %d\n", i, i);
	arena_init(&a);
	err_init(&e);
	t = yaml_parse(&a, "t", buf_view(&b), &e);
	assert_non_null(t);
	assert_int_equal(t->n, 100000);
	assert_string_equal(t->pairs[99999].value->text.p, "99999");
	err_free(&e);
	arena_reset(&a);
	buf_free(&b);
}

static void test_load(void **state)
{
	char path[] = "/tmp/yaml_test_XXXXXX";
	int fd = mkstemp(path);
	struct arena a;
	struct err_list e;

	(void)state;
	arena_init(&a);
	err_init(&e);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	assert_string_equal(tree_get(yaml_load(&a, path, &e), "a")->text.p, "1");
	assert_int_equal(ftruncate(fd, YAML_MAX_BYTES + 1), 0);
	assert_null(yaml_load(&a, path, &e));
	assert_non_null(strstr(e.v[0].text, "larger than"));
	close(fd);
	unlink(path);
	assert_null(yaml_load(&a, path, &e));
	assert_string_equal(e.v[1].text, "cannot be read: No such file or directory");
	assert_string_equal(e.v[1].file, path);
	assert_null(yaml_load(&a, "/tmp", &e));
	assert_string_equal(e.v[2].text, "cannot be read: Is a directory");
	err_free(&e);
	arena_reset(&a);
}

static void test_earlier_errors_do_not_count(void **state)
{
	struct arena a;
	struct err_list e;

	(void)state;
	arena_init(&a);
	err_init(&e);
	err_add(&e, (struct place){ 0 }, NULL, "from another file");
	assert_non_null(yaml_parse(&a, "t", STR("a: 1"), &e));
	assert_null(yaml_parse(&a, "t", str_mk("x", YAML_MAX_BYTES + 1), &e)); /* refused before it is read */
	err_free(&e);
	arena_reset(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_anchors),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_through_aliases),
		cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_merge_is_counted),
		cmocka_unit_test(test_large_mapping),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_earlier_errors_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
