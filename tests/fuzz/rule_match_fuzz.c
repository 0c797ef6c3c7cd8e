/* Rules: what compiles prints as a rule that is the same, to the letter and to requests. The first byte chooses the
 * dialect. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "rule/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool no_header(const void *ctx, struct str name, bool (*test)(const void *arg, struct str value),
		      const void *arg)
{
	(void)ctx;
	return str_eq(name, STR("x-a")) && test(arg, STR("b"));
}

/* The rule, the rule read again, and an index of only this rule answer alike. */
static void check_same(struct arena *arena, const struct rule *a, const struct rule *b)
{
	const struct rule_entry e = { a, 0, "v" };
	const struct rule_index *ix = rule_index_build(arena, &e, 1);
	static const struct addr client = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1 } };
	static const char *const hosts[] = { "a.test", "b.test", "" }, *const paths[] = { "/", "/a", "/a/b" };
	for (int h = 0; h < 3; h++)
		for (int p = 0; p < 3; p++) {
			struct rule_facts f = {
				.host = str_of(hosts[h]),
				.path = str_of(paths[p]),
				.query = STR("a=b"),
				.method = p ? STR("GET") : STR("POST"),
				.sni = str_of(hosts[h]),
				.client = &client,
				.header_any = no_header,
			};
			if (rule_match(a, &f) != rule_match(b, &f) ||
			    rule_match(a, &f) != (rule_index_find(ix, &f) != NULL))
				abort();
		}
}

static char *printed(const struct rule *r)
{
	struct buf out;
	buf_init(&out, 0);
	rule_print(r, &out);
	return buf_take(&out);
}

static void check_rule(enum rule_dialect dialect, const char *text)
{
	struct arena a;
	struct err_list errs;
	arena_init(&a);
	err_init(&errs);
	const struct rule *r = rule_compile(&a, dialect, text, (struct place){ "f", 1, 1 }, "rule", &errs);
	if (!r != (errs.errors > 0))
		abort();
	if (r) {
		char *once = printed(r);
		const struct rule *again = rule_compile(&a, dialect, once, (struct place){ 0 }, "rule", &errs);
		if (!again)
			abort();
		char *twice = printed(again);
		if (strcmp(once, twice) != 0)
			abort();
		check_same(&a, r, again);
		free(once);
		free(twice);
	}
	err_free(&errs);
	arena_reset(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 ||
	    size > 1000) /* printed with its escapes a rule may grow fourfold, and there is a limit to that */
		return 0;
	char *text = strndup((const char *)data + 1, size - 1);
	check_rule(data[0] & 3, text); /* enum rule_dialect */
	free(text);
	return 0;
}
