/* Rules from text to answer: grammar, strings, matchers, errors with their columns. */
#include "fixture.h"
#include "rule/check.c"
#include "rule/lex.c"
#include "rule/match.c"
#include "rule/parse.c"
#include "rule/print.c"
#include "facts.h"

/* Each row: rule, request, answer. */
static void http_matchers(void **state)
{
	static const struct {
		const char *rule, *method, *host, *path;
		bool yes;
	} rows[] = {
		{ "Host(`a.com`)", "GET", "a.com", "/", true },
		{ "Host(`A.Com`)", "GET", "a.com", "/", true },
		{ "Host(`a.com.`)", "GET", "a.com", "/", true },
		{ "Host(`a.com`)", "GET", "b.com", "/", false },
		{ "Host(`a.com`)", "GET", "a.com.b", "/", false },
		{ "Host(`a.com`)", "GET", "", "/", false },
		{ "Host(`*`)", "GET", "", "/", true },
		{ "Host(`*`)", "GET", "x", "/", true },
		{ "Host(`*.example.com`)", "GET", "a.example.com", "/", true },
		{ "Host(`*.Example.com.`)", "GET", "a.example.com", "/", true },
		{ "Host(`*.example.com`)", "GET", "example.com", "/", false },
		{ "Host(`*.example.com`)", "GET", ".example.com", "/", false },
		{ "Host(`*.example.com`)", "GET", "a.b.example.com", "/", false },
		{ "Host(`*.example.com`)", "GET", "aexample.com", "/", false },
		{ "Host(`*.example.com`)", "GET", "", "/", false },
		{ "Host(`a.*.com`)", "GET", "a.b.com", "/", false },
		{ "Host(`::1`)", "GET", "::1", "/", true },
		{ "Path(`/a`)", "GET", "h", "/a", true },
		{ "Path(`/a`)", "GET", "h", "/a/", false },
		{ "Path(`/a`)", "GET", "h", "/A", false },
		{ "Path(`/a%2Fb`)", "GET", "h", "/a%2Fb", true },
		{ "PathPrefix(`/api`)", "GET", "h", "/api", true },
		{ "PathPrefix(`/api`)", "GET", "h", "/apiv2", true },
		{ "PathPrefix(`/api`)", "GET", "h", "/api/x", true },
		{ "PathPrefix(`/api/`)", "GET", "h", "/api", false },
		{ "PathPrefix(`/foo bar`)", "GET", "h", "/foo bar/x", true },
		{ "PathPrefix(`/`)", "GET", "h", "/", true },
		{ "PathPrefix(`/`)", "GET", "h", "", false },
		{ "Method(`GET`)", "GET", "h", "/", true },
		{ "Method(`get`)", "GET", "h", "/", true },
		{ "Method(`GET`)", "get", "h", "/", false },
		{ "Method(`GET`)", "GETS", "h", "/", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = facts_http(rows[i].method, rows[i].host, rows[i].path);

		if (rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s with %s %s %s", rows[i].rule, rows[i].method, rows[i].host, rows[i].path);
	}
}

static void header_matcher(void **state)
{
	static const struct facts_header headers[] = {
		{ "x-a", "one" }, { "x-b", "1, 2" }, { "x-a", "two" }, { "host", "h" }, { NULL, NULL },
	};
	static const struct {
		const char *rule;
		bool yes;
	} rows[] = {
		{ "Header(`X-A`, `one`)", true },  { "Header(`x-a`, `two`)", true }, { "Header(`X-A`, `ONE`)", false },
		{ "Header(`X-A`, `on`)", false },  { "Header(`X-B`, `1`)", false },  { "Header(`X-B`, `1, 2`)", true },
		{ "Header(`X-C`, `1`)", false },   { "Header(`Host`, `h`)", false }, { "!Header(`Host`, `h`)", true },
		{ "header(\"X-A\",`two`)", true },
	};
	struct rule_facts facts = facts_http("GET", "h", "/"), none = { 0 };

	facts.header_ctx = headers;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s", rows[i].rule);
	assert_false(rule_match(compile(*state, RULE_HTTP, "Header(`X-A`, `one`)"), &none));
}

static void client_ip_matcher(void **state)
{
	static const struct {
		const char *rule, *client;
		bool yes;
	} rows[] = {
		{ "ClientIP(`192.0.2.1`)", "192.0.2.1", true },
		{ "ClientIP(`192.0.2.1`)", "192.0.2.2", false },
		{ "ClientIP(`10.0.0.0/8`)", "10.9.8.7", true },
		{ "ClientIP(`10.0.0.0/8`)", "11.0.0.0", false },
		{ "ClientIP(`fd00::/8`)", "fdff::1", true },
		{ "ClientIP(`fd00::/8`)", "fe00::1", false },
		{ "ClientIP(`::1`)", "::1", true },
		{ "ClientIP(`0.0.0.0/0`)", "fd00::1", false },
		{ "ClientIP(`10.1.2.3/8`)", "10.200.0.1", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr client;
		struct rule_facts facts = { .client = &client };

		assert_int_equal(addr_parse(str_of(rows[i].client), &client), 0);
		for (int dialect = RULE_HTTP; dialect <= RULE_TCP; dialect++) {
			const struct rule *r = compile(*state, dialect, rows[i].rule);

			if (rule_match(r, &facts) != rows[i].yes)
				fail_msg("%s with %s", rows[i].rule, rows[i].client);
			assert_false(rule_match(r, &(struct rule_facts){ 0 }));
		}
	}
}

static void sni_matcher(void **state)
{
	static const struct {
		const char *rule, *sni;
		bool yes;
	} rows[] = {
		{ "HostSNI(`*`)", "", true },
		{ "HostSNI(`*`)", "a", true },
		{ "HostSNI(`a.com`)", "a.com", true },
		{ "HostSNI(`A.com.`)", "a.com", true },
		{ "HostSNI(`a.com`)", "", false },
		{ "HostSNI(`*.a.com`)", "x.a.com", true },
		{ "HostSNI(`*.a.com`)", "a.com", false },
		{ "HostSNI(`*.a.com`)", "y.x.a.com", false },
		{ "HostSNI(`a_b`)", "a_b", true },
		{ "!HostSNI(`*`)", "a", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = { .sni = str_of(rows[i].sni) };

		if (rule_match(compile(*state, RULE_TCP, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s with %s", rows[i].rule, rows[i].sni);
	}
}

/* P(x) stands for Path(`/x`); the request's path decides which of a..d are true by containing them. */
static void operators_against_c(void **state)
{
	struct rule_facts facts = facts_http("M", "h", "/");
	char method[2] = { 0, 0 };

	/* Method is one of 16 letters; each variable is a set of methods written as an OR, so all 16 assignments occur.
	 */
#define A "(Method(`B`)||Method(`D`)||Method(`F`)||Method(`H`)||Method(`J`)||Method(`L`)||Method(`N`)||Method(`P`))"
#define B "(Method(`C`)||Method(`D`)||Method(`G`)||Method(`H`)||Method(`K`)||Method(`L`)||Method(`O`)||Method(`P`))"
#define C "(Method(`E`)||Method(`F`)||Method(`G`)||Method(`H`)||Method(`M`)||Method(`N`)||Method(`O`)||Method(`P`))"
#define D "(!(Method(`A`)||Method(`B`)||Method(`C`)||Method(`D`)||Method(`E`)||Method(`F`)||Method(`G`)||Method(`H`)))"
#define ROW(text, expr)    \
	{                  \
		text, expr \
	}
	for (int bits = 0; bits < 16; bits++) {
		bool a = bits & 1, b = bits & 2, c = bits & 4, d = bits & 8;
		const struct {
			const char *rule;
			bool yes;
		} rows[] = {
			ROW(A, a),
			ROW(D, d),
			ROW("!" A, !a),
			ROW("!!" A, a),
			ROW("!!!" A, !a),
			ROW("! ( ! " A ")", a),
			ROW(A "&&" B "&&" C "&&" D, a && b && c && d),
			ROW(A "||" B "||" C "||" D, a || b || c || d),
			ROW(A "||" B "&&" C, a || (b && c)),
			ROW(A "&&" B "||" C "&&" D, (a && b) || (c && d)),
			ROW("(" A "||" B ")&&(" C "||" D ")", (a || b) && (c || d)),
			ROW("!" A "&&" B, !a && b),
			ROW("!(" A "&&" B ")", !(a && b)),
			ROW("!(" A "||" B "&&!" C ")", !(a || (b && !c))),
			ROW("!(!(" A "&&!(" B "||" C "))||" D ")&&((" A "))", !(!(a && !(b || c)) || d) && a),
			ROW(A "&&(" B "&&(" C "&&" D "))", a && b && c && d),
			ROW("(" A "||(" B "||" C "))&&!" D, (a || b || c) && !d),
		};

		method[0] = (char)('A' + bits);
		facts.method = str_mk(method, 1);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts) != rows[i].yes)
				fail_msg("bits %d: %s", bits, rows[i].rule);
	}
#undef A
#undef B
#undef C
#undef D
#undef ROW
}

static void spellings_of_names(void **state)
{
	static const char *const good[] = { "PathPrefix(`/`)", "pathprefix(`/`)", "PATHPREFIX(`/`)",
					    "Pathprefix(`/`)" };
	static const char *const bad[] = { "pathPrefix(`/`)", "PathPREFIX(`/`)", "PATHprefix(`/`)" };
	struct fixture *f = *state;
	struct rule_facts facts = facts_http("GET", "h", "/x");

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(rule_match(compile(f, RULE_HTTP, good[i]), &facts));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(rule_compile(&f->a, RULE_HTTP, bad[i], somewhere, "k", &f->errs));
	assert_string_equal(f->errs.v[0].text, "unknown matcher pathPrefix; did you mean PathPrefix?");
}

static void white_space_where_go_has_it(void **state)
{
	static const char *const good[] = {
		"  Path ( `/x` )  ",
		"Path(`/x`)\n",
		"Path(\n`/x`,\n)",
		"Path(`/x`) &&\n\tPath(`/x`)",
		"(\n!\nPath(`/y`))",
		"Path(`/x`,)",
		"\n\nPath(`/x`) ||\r\n Path(`/z`)\n\n",
	};
	struct rule_facts facts = facts_http("GET", "h", "/x");

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!rule_match(compile(*state, RULE_HTTP, good[i]), &facts))
			fail_msg("%s", good[i]);
}

static void strings_as_in_go(void **state)
{
	static const struct {
		const char *rule;
		struct str path;
	} rows[] = {
		{ "Path(\"/a\")", { "/a", 2 } },
		{ "Path(\"/\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\")", { "/\a\b\f\n\r\t\v\\\"", 10 } },
		{ "Path(\"/\\x41\\101\\u00e9\\U0001F600\")", { "/AA\xc3\xa9\xf0\x9f\x98\x80", 9 } },
		{ "Path(\"/\\u20ac\\x00\\377\")", { "/\xe2\x82\xac\0\xff", 6 } },
		{ "Path(`/a\\d\"b`)", { "/a\\d\"b", 6 } },
		{ "Path(`/a\r\nb`)", { "/a\nb", 4 } },
		{ "Path(\"/`\")", { "/`", 2 } },
		{ "Path(\"/caf\xc3\xa9\")", { "/caf\xc3\xa9", 6 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = { .path = rows[i].path };

		if (!rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts))
			fail_msg("%s", rows[i].rule);
	}
}

/* col counts from 5, where the text starts. */
static void errors_say_where_and_what(void **state)
{
	static const struct {
		enum rule_dialect dialect;
		const char *rule;
		int line, col;
		const char *text;
	} rows[] = {
		{ RULE_HTTP, "", 10, 5, "rule ends here, expected a matcher, '!' or '('" },
		{ RULE_HTTP, "Host", 10, 9, "rule ends here, expected '(' after the name of a matcher" },
		{ RULE_HTTP, "Host(`a`) Path(`/`)", 10, 15, "unexpected 'Path', expected '&&' or '||'" },
		{ RULE_HTTP, "Host(`a`) &&", 10, 17, "rule ends here, expected a matcher, '!' or '('" },
		{ RULE_HTTP, "Host(`a`) & Path(`/`)", 10, 15, "unexpected '&'; the operator is '&&'" },
		{ RULE_HTTP, "Host(`a`) |", 10, 15, "unexpected '|'; the operator is '||'" },
		{ RULE_HTTP, "Host('a')", 10, 10, "single quotes are not allowed; use back-quotes or double quotes" },
		{ RULE_HTTP, "Host(a)", 10, 10, "unexpected 'a', expected a string in back-quotes or double quotes" },
		{ RULE_HTTP, "Host(`a` `b`)", 10, 14, "unexpected string, expected ',' or ')'" },
		{ RULE_HTTP, "Host(,)", 10, 10, "unexpected ',', expected a string in back-quotes or double quotes" },
		{ RULE_HTTP, "Host(`a`,,`b`)", 10, 14,
		  "unexpected ',', expected a string in back-quotes or double quotes" },
		{ RULE_HTTP, "Host(`a", 10, 10, "string has no closing back-quote" },
		{ RULE_HTTP, "Host(\"a", 10, 10, "string has no closing quote" },
		{ RULE_HTTP, "Host(\"a\n\")", 10, 10, "string has no closing quote" },
		{ RULE_HTTP, "Path(\"/\\d\")", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "Path(\"/\\'\")", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "Path(\"/\\400\")", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "Path(\"/\\ud800\")", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "Path(\"/\\x4", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "Path(\"/\\", 10, 12,
		  "unknown escape in string; write '\\\\' for a backslash or use back-quotes" },
		{ RULE_HTTP, "(Host(`a`)", 10, 15, "rule ends here, expected '&&', '||' or ')'" },
		{ RULE_HTTP, "Host(`a`))", 10, 14, "unexpected ')', expected '&&' or '||'" },
		{ RULE_HTTP, "()", 10, 6, "unexpected ')', expected a matcher, '!' or '('" },
		{ RULE_HTTP, "`a`", 10, 5, "unexpected string, expected a matcher, '!' or '('" },
		{ RULE_HTTP, "Host(`a`) == Host(`b`)", 10, 15, "unexpected '='" },
		{ RULE_HTTP, "1", 10, 5, "unexpected '1'" },
		{ RULE_HTTP, "Host(`a`)\x01", 10, 14, "unexpected byte 0x01" },
		{ RULE_HTTP, "Host(`a`)\n&& Path(`/`)", 10, 14,
		  "unexpected end of line; a line may end only after an operator, '(' or ','" },
		{ RULE_HTTP, "Host(`a`) &&\n  Pat(`/`)", 11, 3, "unknown matcher Pat; did you mean Path?" },
		{ RULE_HTTP, "Hots(`a`)", 10, 5, "unknown matcher Hots; did you mean Host?" },
		{ RULE_HTTP, "Completely(`a`)", 10, 5, "unknown matcher Completely" },
		{ RULE_HTTP, "HostRegexp(`a`)", 10, 5,
		  "matcher HostRegexp is known to Traefik, not supported by this version" },
		{ RULE_HTTP, "query(`a`, `b`)", 10, 5,
		  "matcher Query is known to Traefik, not supported by this version" },
		{ RULE_TCP, "ALPN(`h2`)", 10, 5, "matcher ALPN is known to Traefik, not supported by this version" },
		{ RULE_TCP, "Host(`a`)", 10, 5, "Host is a matcher of HTTP routers" },
		{ RULE_HTTP, "HostSNI(`a`)", 10, 5, "HostSNI is a matcher of TCP routers" },
		{ RULE_HTTP, "Host()", 10, 5, "unexpected number of parameters: Host takes 1, not 0" },
		{ RULE_HTTP, "Host(`a`, `b`, `c`)", 10, 5, "unexpected number of parameters: Host takes 1, not 3" },
		{ RULE_HTTP, "Header(`a`)", 10, 5, "unexpected number of parameters: Header takes 2, not 1" },
		{ RULE_HTTP, "Header(`a`, ``)", 10, 17, "a parameter of Header is empty" },
		{ RULE_HTTP, "Path(`a`)", 10, 10, "Path: a path must start with '/'" },
		{ RULE_HTTP, "PathPrefix(\"a\")", 10, 16, "PathPrefix: a path must start with '/'" },
		{ RULE_HTTP, "Host(`caf\xc3\xa9`)", 10, 10,
		  "Host: a host name must be ASCII; write an international name in its xn-- form" },
		{ RULE_HTTP, "Host(`.`)", 10, 10, "Host: a host name must have a label" },
		{ RULE_HTTP, "ClientIP(`10.0.0.0/33`)", 10, 14, "ClientIP: not an IP address or CIDR range" },
		{ RULE_TCP, "HostSNI(`a b`)", 10, 13,
		  "HostSNI: not a server name; it is '*', a host name, or '*.' and a host name" },
		{ RULE_TCP, "HostSNI(`a.*.b`)", 10, 13,
		  "HostSNI: not a server name; it is '*', a host name, or '*.' and a host name" },
		{ RULE_TCP, "HostSNI(`*.`)", 10, 13,
		  "HostSNI: not a server name; it is '*', a host name, or '*.' and a host name" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(
			rule_compile(&f->a, rows[i].dialect, rows[i].rule, somewhere, "http.routers.r.rule", &f->errs));
		assert_int_equal(f->errs.n, 1);
		const struct err_item *e = &f->errs.v[0];

		if (e->line != rows[i].line || e->col != rows[i].col || strcmp(e->text, rows[i].text) != 0)
			fail_msg("%s: %d:%d: %s", rows[i].rule, e->line, e->col, e->text);
		assert_string_equal(e->file, "dyn.yml");
		assert_string_equal(e->key, "http.routers.r.rule");
		err_free(&f->errs);
		err_init(&f->errs);
	}
}

static void all_faulty_calls_are_reported(void **state)
{
	struct fixture *f = *state;

	assert_null(rule_compile(&f->a, RULE_HTTP, "Hos(`a`) && !(Path(`x`) || Method())", somewhere, "k", &f->errs));
	assert_int_equal(f->errs.n, 3);
}

/* Errors that were there before are not this rule's. */
static void earlier_errors_do_not_matter(void **state)
{
	struct fixture *f = *state;

	err_add(&f->errs, somewhere, "k", "another");
	assert_non_null(rule_compile(&f->a, RULE_HTTP, "Path(`/`)", somewhere, "k", &f->errs));
}

static void without_a_file_the_text_says_where(void **state)
{
	struct fixture *f = *state;

	assert_null(rule_compile(&f->a, RULE_HTTP, "Host(`a`) x", (struct place){ 0 }, NULL, &f->errs));
	assert_string_equal(f->errs.v[0].text, "unexpected 'x', expected '&&' or '||' (at character 11 of the rule)");
}

/* `open` parentheses around a rule. */
static bool nested_compiles(struct fixture *f, size_t open, const char *before)
{
	_cleanup_(buf_free) struct buf b;
	_cleanup_free_ char *text = NULL;

	buf_init(&b, 0);
	for (size_t i = 0; i < open; i++)
		buf_printf(&b, "%s(", before);
	buf_puts(&b, "Path(`/`)");
	for (size_t i = 0; i < open; i++)
		buf_char(&b, ')');
	text = buf_take(&b);
	return rule_compile(&f->a, RULE_HTTP, text, somewhere, "k", &f->errs) != NULL;
}

static void depth_is_bounded(void **state)
{
	struct fixture *f = *state;

	assert_true(nested_compiles(f, RULE_DEPTH_MAX, ""));
	assert_true(nested_compiles(f, RULE_DEPTH_MAX, "!"));
	assert_true(nested_compiles(f, RULE_DEPTH_MAX, "Path(`/a`) || "));
	assert_false(nested_compiles(f, RULE_DEPTH_MAX + 1, ""));
	assert_string_equal(f->errs.v[0].text, "parentheses are nested deeper than 32");
	assert_int_equal(f->errs.v[0].col, 5 + RULE_DEPTH_MAX);
	/* Side by side they do not add up, and neither do negations. */
	assert_non_null(rule_compile(
		&f->a, RULE_HTTP,
		"(((((((((((Path(`/`)))))))))))) && (((((((((((Path(`/`)))))))))))) && "
		"(((((((((((Path(`/`)))))))))))) && !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!Path(`/`)",
		somewhere, "k", &f->errs));
}

static void length_is_bounded(void **state)
{
	struct fixture *f = *state;
	char text[RULE_TEXT_MAX + 2];

	memset(text, ' ', sizeof(text));
	memcpy(text, "Path(`/`)", 9);
	text[RULE_TEXT_MAX] = '\0';
	assert_non_null(rule_compile(&f->a, RULE_HTTP, text, somewhere, "k", &f->errs));
	text[RULE_TEXT_MAX] = ' ';
	text[RULE_TEXT_MAX + 1] = '\0';
	assert_null(rule_compile(&f->a, RULE_HTTP, text, somewhere, "k", &f->errs));
	assert_string_equal(f->errs.v[0].text, "rule is longer than 8192 bytes");
}

/* As many calls as fit: the program's jumps must hold them. */
static void the_longest_rule_works(void **state)
{
	_cleanup_(buf_free) struct buf b;
	_cleanup_free_ char *text = NULL;
	struct rule_facts facts = facts_http("GET", "h", "/");
	const struct rule *r;

	buf_init(&b, 0);
	buf_puts(&b, "Path(`/a`)");
	while (b.n + 13 <= RULE_TEXT_MAX)
		buf_puts(&b, "||Path(`/b`)");
	text = buf_take(&b);
	r = compile(*state, RULE_HTTP, text);
	assert_true(r->root->calls > 650);
	assert_false(rule_match(r, &facts));
	facts.path = STR("/b");
	assert_true(rule_match(r, &facts));
}

static void priorities(void **state)
{
	(void)state;
	assert_int_equal(rule_priority(RULE_HTTP, "Host(`a`)", 0), 9);
	assert_int_equal(rule_priority(RULE_HTTP, " Host(`a`) ", 0), 11);
	assert_int_equal(rule_priority(RULE_HTTP, "Host(`a`)", -5), -5);
	assert_int_equal(rule_priority(RULE_HTTP, "HostSNI(`*`)", 0), 12);
	assert_int_equal(rule_priority(RULE_TCP, "HostSNI(`*`)", 0), -1);
	assert_int_equal(rule_priority(RULE_TCP, "hostsni(\"*\")", 0), -1);
	assert_int_equal(rule_priority(RULE_TCP, "HostSNI(`*`)", 7), 7);
	assert_int_equal(rule_priority(RULE_TCP, "HostSNI(`a`)", 0), 12);
	assert_int_equal(rule_priority(RULE_TCP, "!HostSNI(`*`)", 0), 13);
	assert_int_equal(rule_priority(RULE_TCP, "broken(", 0), 7);
}

static void catch_all(void **state)
{
	assert_true(rule_is_catch_all(compile(*state, RULE_TCP, "HostSNI(`*`)")));
	assert_true(rule_is_catch_all(compile(*state, RULE_TCP, "(HostSNI(`*`))")));
	assert_false(rule_is_catch_all(compile(*state, RULE_TCP, "HostSNI(`*.a`)")));
	assert_false(rule_is_catch_all(compile(*state, RULE_TCP, "!HostSNI(`*`)")));
	assert_false(rule_is_catch_all(compile(*state, RULE_TCP, "HostSNI(`*`) && ClientIP(`::1`)")));
	assert_false(rule_is_catch_all(compile(*state, RULE_TCP, "ClientIP(`::/0`)")));
	assert_false(rule_is_catch_all(compile(*state, RULE_HTTP, "Host(`*`)")));
}

/* The rule keeps nothing of the text it was made from. */
static void the_text_may_go(void **state)
{
	_cleanup_free_ char *text = mem_strdup("Host(`a`) && Header(`X-A`, `1`)");
	const struct rule *r = compile(*state, RULE_HTTP, text);

	memset(text, 'x', strlen(text));
	_cleanup_free_ char *out = printed(r);

	assert_string_equal(out, "Host(`a`) && Header(`X-A`, `1`)");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(http_matchers),
		TEST(header_matcher),
		TEST(client_ip_matcher),
		TEST(sni_matcher),
		TEST(operators_against_c),
		TEST(spellings_of_names),
		TEST(white_space_where_go_has_it),
		TEST(strings_as_in_go),
		TEST(errors_say_where_and_what),
		TEST(all_faulty_calls_are_reported),
		TEST(earlier_errors_do_not_matter),
		TEST(without_a_file_the_text_says_where),
		TEST(depth_is_bounded),
		TEST(length_is_bounded),
		TEST(the_longest_rule_works),
		TEST(priorities),
		TEST(catch_all),
		TEST(the_text_may_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
