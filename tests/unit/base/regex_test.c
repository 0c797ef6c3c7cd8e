/* Patterns as Go means them, what is refused and why, and patterns made to take for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/regex.c"
#include "base/regex_class.c"
#include "base/regex_syntax.c"

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

static const struct regex *compile(const char *pattern)
{
	struct regex_error e;
	const struct regex *r = regex_compile(&arena, str_of(pattern), &e);

	if (!r)
		fail_msg("%s: at %zu: %s", pattern, e.at, e.text);
	return r;
}

struct row {
	const char *pattern;
	struct str subject;
	bool yes;
};

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

/* Results are those of Go 1.22's regexp.MatchString. */
static const struct row rows[] = {
	{ "", S(""), true },
	{ "a", S("xay"), true },
	{ "^a$", S("a"), true },
	{ "^a$", S("a\n"), false },
	{ "(?m)^a$", S("b\na\nc"), true },
	{ "(?m)^$", S("a\n"), true },
	{ "(?m:^a$)$", S("a\nb"), false },
	{ "(?m)(?-m:^a$)", S("a\nb"), false },
	{ "((?m)^a$)", S("a\nb"), true },
	{ "a.c", S("a\nc"), false },
	{ "(?s)a.c", S("a\nc"), true },
	{ "^.$", S("\xc3\xa9"), true },
	{ "^..$", S("\xc3\xa9"), false },
	{ "^.$", S("\xff"), true },
	{ "^...$", S("\xe2\x82z"), true },
	{ "\\x{FFFD}", S("a\xff"), true },
	{ "^[^a]$", S("\n"), true },
	{ "^\\s$", S("\v"), false },
	{ "^\\S$", S("\v"), true },
	{ "^[\\s]$", S("\v"), false },
	{ "^[\\S]$", S("\v"), true },
	{ "^[^\\S]$", S("\v"), false },
	{ "^[[:space:]]$", S("\v"), true },
	{ "^\\v$", S("\v"), true },
	{ "^\\v$", S("\n"), false },
	{ "^\\d$", S("\xd9\xa3"), false },
	{ "^\\w+$", S("az_09"), true },
	{ "^\\w$", S("\xc3\xa9"), false },
	{ "^\\pL$", S("\xc3\xa9"), true },
	{ "^\\p{Greek}$", S("\xce\xb1"), true },
	{ "^\\p{^Greek}$", S("\xce\xb1"), false },
	{ "^[\\p{Greek}a]$", S("a"), true },
	{ "^\\P{Greek}$", S("a"), true },
	{ "(?i)^HOST$", S("host"), true },
	{ "^HOST$", S("host"), false },
	{ "(?i:A)b", S("ab"), true },
	{ "(?i:A)b", S("aB"), false },
	{ "a(?i)b|c", S("C"), true },
	{ "(?i)\xc3\x89", S("\xc3\xa9"), true },
	{ "^(?P<n>a)(?<m>b)$", S("ab"), true },
	{ "^a{2}$", S("aa"), true },
	{ "^a{2,}$", S("aaa"), true },
	{ "^a{2,3}$", S("aaaa"), false },
	{ "^a{,2}$", S("a{,2}"), true },
	{ "^a{,2}$", S("aa"), false },
	{ "^a{$", S("a{"), true },
	{ "^a{x}$", S("a{x}"), true },
	{ "^{$", S("{"), true },
	{ "^a{0}$", S(""), true },
	{ "^*a", S("a"), true },
	{ "\\b+a", S("a"), true },
	{ "^(?:^a)*b", S("b"), true },
	{ "^[]a]+$", S("]a"), true },
	{ "^[^]a]+$", S("b"), true },
	{ "^[a-c-e]+$", S("a-e"), true },
	{ "^[a-c-e]+$", S("d"), false },
	{ "^[-a]$", S("-"), true },
	{ "^[a-]$", S("-"), true },
	{ "^[\\]\\-\\^]+$", S("]-^"), true },
	{ "^[[.a.]]+$", S(".]"), true },
	{ "^[a&&b]+$", S("&"), true },
	{ "^[[:^digit:]]$", S("a"), true },
	{ "^[\\x41-\\x43]+$", S("ABC"), true },
	{ "^\\x{1F600}$", S("\xf0\x9f\x98\x80"), true },
	{ "^\\101\\0$", S("A\0"), true },
	{ "^\\12$", S("\n"), true },
	{ "^\\Qa.b*\\E+$", S("a.b**"), true },
	{ "^\\Qa.b", S("a.b"), true },
	{ "^\\Qa.b", S("axb"), false },
	{ "^a\\E$", S("a"), true },
	{ "^\\.\\/\\@\\_\\\"$", S("./@_\""), true },
	{ "\\Aa\\z", S("a"), true },
	{ "\\Aa\\z", S("a\n"), false },
	{ "a|b|", S("z"), true },
	{ "^(a|b)*?c$", S("abac"), true },
	{ "(?U)a+", S("aa"), true },
	{ "x*?y", S("y"), true },
	{ "^a#b c$", S("a#b c"), true },
	{ "^\\d+\\.example\\.com$", S("12.example.com"), true },
	{ "(?-s).", S("\n"), false },
	{ "(?i-s)A", S("a"), true },
	{ "^\x01$", S("\x01"), true },
};

static void as_in_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (regex_match(compile(rows[i].pattern), rows[i].subject) != rows[i].yes)
			fail_msg("%s with \"%.*s\"", rows[i].pattern, STR_ARG(rows[i].subject));
}

/* The algorithm that takes over must say the same as the one it takes over from. */
static void the_steady_algorithm_agrees(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct regex_thread *t = regex_thread();

		if (regex_steady(compile(rows[i].pattern), t, regex_text(t, rows[i].subject)) != rows[i].yes)
			fail_msg("%s with \"%.*s\"", rows[i].pattern, STR_ARG(rows[i].subject));
	}
}

static void refused_with_place_and_reason(void **state)
{
	static const struct {
		const char *pattern;
		size_t at;
		const char *text;
	} bad[] = {
		{ "a(?=b)", 1, "Go's regular expressions have no look-around; combine matchers with && and !" },
		{ "(?!b)", 0, "Go's regular expressions have no look-around; combine matchers with && and !" },
		{ "(?<=b)", 0, "Go's regular expressions have no look-around; combine matchers with && and !" },
		{ "(?<!b)", 0, "Go's regular expressions have no look-around; combine matchers with && and !" },
		{ "(?>a)", 0, "Go's regular expressions have no group (?>" },
		{ "(?#a)", 0, "Go's regular expressions have no group (?#" },
		{ "(a)\\1", 3, "Go's regular expressions have no back-references" },
		{ "\\8", 0, "Go's regular expressions have no back-references" },
		{ "\\k<n>", 0, "Go's regular expressions have no back-references" },
		{ "\\Z", 0, "\\Z means nothing in Go's regular expressions" },
		{ "a\\h", 1, "\\h means nothing in Go's regular expressions" },
		{ "\\R", 0, "\\R means nothing in Go's regular expressions" },
		{ "\\e", 0, "\\e means nothing in Go's regular expressions" },
		{ "[\\b]", 1, "\\b means nothing in Go's regular expressions" },
		{ "\\C", 0, "\\C, a single byte, is not supported; write '.'" },
		{ "a\\", 1, "the pattern ends after a backslash" },
		{ "a*+", 2, "'+' repeats what is repeated already; use parentheses" },
		{ "a**", 2, "'*' repeats what is repeated already; use parentheses" },
		{ "a*?*", 3, "'*' repeats what is repeated already; use parentheses" },
		{ "a{2}{3}", 4, "'{3}' repeats what is repeated already; use parentheses" },
		{ "*a", 0, "'*' has nothing to repeat" },
		{ "(*a)", 1, "'*' has nothing to repeat" },
		{ "(*UTF)", 1, "'*' has nothing to repeat" },
		{ "a|?", 2, "'?' has nothing to repeat" },
		{ "{2}", 0, "'{2}' has nothing to repeat" },
		{ "a{3,2}", 1, "'{3,2}' counts backwards" },
		{ "a{1001}", 1, "repeated more than 1000 times, nested repetitions multiplied" },
		{ "(a{100}){11}", 8, "repeated more than 1000 times, nested repetitions multiplied" },
		{ "a(b", 3, "expected ')': 1 of '(' is open" },
		{ "((", 2, "expected ')': 2 of '(' are open" },
		{ "a)b", 1, "')' has no opening '('" },
		{ "[a", 0, "'[' has no closing ']'" },
		{ "[", 0, "'[' has no closing ']'" },
		{ "[z-a]", 1, "the range 'z-a' runs backwards" },
		{ "[a-\\d]", 3, "\\d means nothing in Go's regular expressions" },
		{ "[[:alhpa:]]", 1, "there is no class [:alhpa:]; did you mean [:alpha:]?" },
		{ "(?P<>a)", 0, "expected (?P<name>...), the name of letters, digits and '_'" },
		{ "(?P<n-m>a)", 0, "expected (?P<name>...), the name of letters, digits and '_'" },
		{ "(?x)", 0, "expected (?:...), (?P<name>...) or flags of i, m, s, U as in (?i)" },
		{ "(?R)", 0, "expected (?:...), (?P<name>...) or flags of i, m, s, U as in (?i)" },
		{ "(?i", 0, "expected (?:...), (?P<name>...) or flags of i, m, s, U as in (?i)" },
		{ "(?i-)", 0, "expected (?:...), (?P<name>...) or flags of i, m, s, U as in (?i)" },
		{ "\\x", 0, "expected \\xHH or \\x{H...} with the number of a character" },
		{ "\\x{110000}", 0, "expected \\xHH or \\x{H...} with the number of a character" },
		{ "\\x{d800}", 0, "expected \\xHH or \\x{H...} with the number of a character" },
		{ "\\p", 0, "expected \\pL or \\p{Greek}: a category or a script of Unicode" },
		{ "\\p{Greek", 0, "expected \\pL or \\p{Greek}: a category or a script of Unicode" },
		{ "\\p{Klingon}", 0, "unknown property after \\P or \\p" },
		{ "a\xff", 1, "not valid UTF-8" },
		{ "a\xe2\x82", 1, "not valid UTF-8" },
		{ "\xed\xa0\x80", 0, "not valid UTF-8" },
	};
	struct regex_error e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (regex_compile(&arena, str_of(bad[i].pattern), &e))
			fail_msg("%s is accepted", bad[i].pattern);
		if (e.at != bad[i].at || strcmp(e.text, bad[i].text) != 0)
			fail_msg("%s: at %zu: %s", bad[i].pattern, e.at, e.text);
	}
}

static void sizes_are_bounded(void **state)
{
	char text[REGEX_TEXT_MAX + 2];
	struct regex_error e;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_null(regex_compile(&arena, str_mk(text, REGEX_TEXT_MAX + 1), &e));
	assert_string_equal(e.text, "longer than 4096 bytes");
	assert_non_null(regex_compile(&arena, str_mk(text, REGEX_TEXT_MAX), &e));
	memset(text, '(', 101);
	memset(text + 101, ')', 101);
	assert_null(regex_compile(&arena, str_mk(text, 202), &e));
	assert_string_equal(e.text, "parentheses are nested deeper than 100");
	assert_int_equal(e.at, 100);
	assert_non_null(regex_compile(&arena, str_mk(text + 1, 200), &e));
}

/* A backtracking matcher alone would need 2^n steps for these; both answers must come, be right and be quick. */
static void patterns_made_to_take_for_ever(void **state)
{
	static const char *const evil[] = { "^(a+)+$",	   "^(a|a)*$",	    "^(a|aa)+$",     "^(a*)*$",
					    "^([a-z]+)*$", "(x+x+)+y|^a*$", "^(.*?a){12}a*$" };
	enum { LENGTH = 8000 };
	_cleanup_free_ char *text = mem_alloc(LENGTH);

	(void)state;
	memset(text, 'a', LENGTH);
	for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
		const struct regex *r = compile(evil[i]);
		uint64_t start = clock_mono_ns(), took;
		bool yes = regex_match(r, str_mk(text, LENGTH)), no;

		text[LENGTH - 1] = '!';
		no = regex_match(r, str_mk(text, LENGTH));
		text[LENGTH - 1] = 'a';
		took = clock_mono_ns() - start;
		if (!yes || no)
			fail_msg("%s: %d %d", evil[i], yes, no);
		if (took > 2000 * NS_PER_MS)
			fail_msg("%s took %llu ms", evil[i], (unsigned long long)(took / NS_PER_MS));
	}
}

static void the_same_pattern_is_one(void **state)
{
	const struct regex *x = compile("^shared[0-9]+$");
	struct regex_error e;
	struct arena other;

	(void)state;
	arena_init(&other);
	assert_ptr_equal(regex_compile(&other, STR("^shared[0-9]+$"), &e), x);
	assert_ptr_not_equal(regex_compile(&other, STR("^shared[0-9]*$"), &e), x);
	assert_null(regex_compile(&other, STR("a\0b"), &e));
	assert_string_equal(e.text, "holds a NUL; write \\x00");
	arena_reset(&arena);
	assert_true(regex_match(regex_compile(&other, STR("^shared[0-9]+$"), &e), STR("shared12")));
	assert_int_equal(regex_known.live, 2);
	arena_reset(&other);
	assert_int_equal(regex_known.live, 0);
}

static void *match_in_thread(void *r)
{
	return regex_match(r, STR("x\xff")) ? r : NULL;
}

static void threads_have_their_own_state(void **state)
{
	const struct regex *r = compile("^x.$");
	pthread_t t[4];
	void *ret;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, match_in_thread, (void *)r), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		pthread_join(t[i], &ret);
		assert_ptr_equal(ret, r);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(as_in_go),
		TEST(the_steady_algorithm_agrees),
		TEST(refused_with_place_and_reason),
		TEST(sizes_are_bounded),
		TEST(patterns_made_to_take_for_ever),
		TEST(the_same_pattern_is_one),
		TEST(threads_have_their_own_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
