/* The rule language: what compiles prints as text that compiles to the same text. */
#include <assert.h>
#include <stdint.h>
#include "rule/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err_list errs;
	struct arena a;
	struct buf first, second;
	const struct rule *r;
	char *text;

	arena_init(&a);
	err_init(&errs);
	buf_init(&first, 0);
	buf_init(&second, 0);
	text = arena_strndup(&a, (const char *)data, n);
	r = rule_compile(&a, RULE_HTTP, text, (struct place){ "fuzz", 1, 1 }, "rule", &errs);
	assert((r == NULL) == (errs.errors > 0));
	if (r) {
		rule_print(r, &first);
		buf_char(&first, '\0');
		r = rule_compile(&a, RULE_HTTP, first.p, (struct place){ "fuzz", 1, 1 }, "rule", &errs);
		assert(r);
		rule_print(r, &second);
		buf_char(&second, '\0');
		assert(str_eq(buf_view(&first), buf_view(&second)));
	}
	buf_free(&first);
	buf_free(&second);
	err_free(&errs);
	arena_reset(&a);
	return 0;
}
