/* Rules back to text: printing, compiling that again, and rules that were damaged on the way. */
#include "fixture.h"
#include "rule/check.c"
#include "rule/lex.c"
#include "rule/match.c"
#include "rule/parse.c"
#include "rule/print.c"
#include "facts.h"

static void printing_is_minimal(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "host(\"a\")", "Host(`a`)" },
		{ "((Host(`a`)))", "Host(`a`)" },
		{ "!!Host(`a`)", "Host(`a`)" },
		{ "!(!(Host(`a`)))", "Host(`a`)" },
		{ "(Host(`a`)&&Path(`/`))||Method(`x`)", "Host(`a`) && Path(`/`) || Method(`x`)" },
		{ "Host(`a`)&&(Path(`/`)||Method(`x`))", "Host(`a`) && (Path(`/`) || Method(`x`))" },
		{ "Host(`a`)&&(Path(`/`)&&Method(`x`))", "Host(`a`) && Path(`/`) && Method(`x`)" },
		{ "!(Host(`a`)&&Path(`/`))", "!(Host(`a`) && Path(`/`))" },
		{ "!(Host(`a`))", "!Host(`a`)" },
		{ "HEADER(`k`,\"`\\n\\\"\\\\\\x7f\xc3\xa9\")", "Header(`k`, \"`\\x0a\\\"\\\\\\x7f\xc3\xa9\")" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = printed(compile(*state, RULE_HTTP, rows[i].in));

		assert_string_equal(text, rows[i].out);
	}
}

static bool same_tree(const struct rule_node *x, const struct rule_node *y)
{
	const struct rule_node *a = x->child, *b = y->child;

	if (x->kind != y->kind || x->calls != y->calls)
		return false;
	if (x->kind == RULE_CALL) {
		if (x->call->op != y->call->op || x->call->nargs != y->call->nargs)
			return false;
		for (unsigned i = 0; i < x->call->nargs; i++)
			if (!str_eq(x->call->args[i].text, y->call->args[i].text))
				return false;
	}
	for (; a && b; a = a->next, b = b->next)
		if (!same_tree(a, b))
			return false;
	return !a && !b;
}

static void random_rule(struct rng *rng, struct buf *b, unsigned depth)
{
	static const char *const calls[] = { "Host(`a`)",     "path(\"/\\\"`\")",	"PathPrefix(`/b`)",
					     "METHOD(`GET`)", "Header(`X`, \"\\x01\")", "ClientIP(`10.0.0.0/8`)" };
	unsigned kind = depth == 0 ? 0 : rng_below(rng, 4);

	if (kind == 0) {
		buf_puts(b, calls[rng_below(rng, ARRAY_LEN(calls))]);
		return;
	}
	buf_puts(b, kind == 1 ? "!(" : "(");
	random_rule(rng, b, depth - 1);
	for (unsigned n = kind == 1 ? 0 : rng_below(rng, 3); n > 0; n--) {
		buf_puts(b, kind == 2 ? " && " : "||");
		random_rule(rng, b, depth - 1);
	}
	buf_char(b, ')');
}

static void print_and_compile_again(void **state)
{
	struct fixture *f = *state;
	struct rng rng;

	rng_seed(&rng, 3);
	for (int i = 0; i < 3000; i++) {
		struct buf b;

		buf_init(&b, 0);
		random_rule(&rng, &b, 4);
		_cleanup_free_ char *text = buf_take(&b);

		if (strlen(text) > RULE_TEXT_MAX)
			continue;
		const struct rule *r = compile(f, RULE_HTTP, text);
		_cleanup_free_ char *once = printed(r);
		const struct rule *again = compile(f, RULE_HTTP, once);
		_cleanup_free_ char *twice = printed(again);

		assert_string_equal(once, twice);
		assert_true(same_tree(r->root, again->root));
		arena_reset(&f->a);
	}
}

/* Rubbish never does more than add an error. Texts are mutations of good ones, and exact-size copies for the sanitiser.
 */
static void mutated_rules_are_safe(void **state)
{
	static const char alphabet[] = "Host(`a`)&|!\"\\x41u\n ,P\xff";
	struct fixture *f = *state;
	struct rng rng;

	rng_seed(&rng, 5);
	for (int i = 0; i < 20000; i++) {
		struct buf b;

		buf_init(&b, 0);
		random_rule(&rng, &b, 2);
		_cleanup_free_ char *text = buf_take(&b);
		size_t n = strlen(text);

		for (unsigned k = rng_below(&rng, 4); k > 0; k--)
			text[rng_below(&rng, (uint32_t)n)] = alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
		const struct rule *r = rule_compile(&f->a, RULE_HTTP, text, somewhere, "k", &f->errs);

		assert_int_equal(r == NULL, f->errs.errors > 0);
		arena_reset(&f->a);
		err_free(&f->errs);
		err_init(&f->errs);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(printing_is_minimal),
		TEST(print_and_compile_again),
		TEST(mutated_rules_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
