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

static void query_matchers(void **state)
{
	static const struct {
		const char *rule, *query;
		bool yes;
	} rows[] = {
		{ "Query(`k`, `v`)", "k=v", true },
		{ "Query(`k`, `v`)", "a=b&k=x&k=v", true },
		{ "Query(`k`, `v`)", "k=V", false },
		{ "Query(`k`, `v`)", "K=v", false },
		{ "Query(`k`, `v`)", "", false },
		{ "Query(`k`, `v`)", "kk=v&k=vv", false },
		{ "Query(`k`, `a b`)", "k=a+b", true },
		{ "Query(`k`, `a b`)", "k=a%20b", true },
		{ "Query(`k k`, `v`)", "k%20k=%76", true },
		{ "Query(`k`, `v`)", "k=v%2", false },
		{ "Query(`k`, `v`)", "k=v%zz&k=v", true },
		{ "Query(`k`, `v`)", "k%=v", false },
		{ "Query(`k`, `v`)", "a;k=v", false },
		{ "Query(`k`, `v=w`)", "k=v=w", true },
		{ "Query(`k`)", "k", true },
		{ "Query(`k`)", "k=", true },
		{ "Query(`k`)", "k=1&k=", true },
		{ "Query(`k`)", "k=1", false },
		{ "Query(`k`)", "a", false },
		{ "QueryRegexp(`k`, `^v+$`)", "k=vvv", true },
		{ "QueryRegexp(`k`, `^v+$`)", "k=x&k=v", true },
		{ "QueryRegexp(`k`, `^v+$`)", "k=x", false },
		{ "QueryRegexp(`k`, `^a b$`)", "k=a%20b", true },
		{ "QueryRegexp(`k`, ` *`)", "", false },
		{ "QueryRegexp(`k`)", "k", true },
		{ "QueryRegexp(`k`)", "k=1", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = { .query = str_of(rows[i].query) };

		if (rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s with %s", rows[i].rule, rows[i].query);
	}
}

static void regexp_matchers(void **state)
{
	static const struct facts_header headers[] = { { "x-a", "one" }, { "x-a", "Two" }, { "host", "h" }, { 0 } };
	static const struct {
		const char *rule, *host, *path;
		bool yes;
	} rows[] = {
		{ "HostRegexp(`^a\\.`)", "a.com", "/", true },
		{ "HostRegexp(`com`)", "a.com", "/", true },
		{ "HostRegexp(`A`)", "a.com", "/", false },
		{ "HostRegexp(`(?i)A`)", "a.com", "/", true },
		{ "HostRegexp(`^.+$`)", "", "/", false },
		{ "HostRegexp(\"^a\\\\.\")", "a.com", "/", true },
		{ "PathRegexp(`^/v[0-9]+/`)", "h", "/v12/x", true },
		{ "PathRegexp(`^/v[0-9]+/`)", "h", "/x/v1/", false },
		{ "PathRegexp(`/v[0-9]+/`)", "h", "/x/v1/", true },
		{ "HeaderRegexp(`X-A`, `^T`)", "h", "/", true },
		{ "HeaderRegexp(`x-a`, `^t`)", "h", "/", false },
		{ "HeaderRegexp(`X-B`, `.*`)", "h", "/", false },
		{ "HeaderRegexp(`Host`, `.*`)", "h", "/", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = facts_http("GET", rows[i].host, rows[i].path);

		facts.header_ctx = headers;
		if (rule_match(compile(*state, RULE_HTTP, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s with %s%s", rows[i].rule, rows[i].host, rows[i].path);
	}
}

static void alpn_matcher(void **state)
{
	static const struct str offered[] = { { "h2", 2 }, { "http/1.1", 8 } };
	const struct rule_facts tls = { .alpn = offered, .nalpn = 2 }, plain = { 0 };

	assert_true(rule_match(compile(*state, RULE_TCP, "ALPN(`h2`)"), &tls));
	assert_true(rule_match(compile(*state, RULE_TCP, "ALPN(`http/1.1`)"), &tls));
	assert_false(rule_match(compile(*state, RULE_TCP, "ALPN(`H2`)"), &tls));
	assert_false(rule_match(compile(*state, RULE_TCP, "ALPN(`h2`)"), &plain));
	assert_true(rule_match(compile(*state, RULE_TCP, "!ALPN(`h2`)"), &plain));
	assert_true(rule_match(compile(*state, RULE_TCP_V2, "ALPN(`x`, `h2`)"), &tls));
}

static void v2_syntax(void **state)
{
	static const struct facts_header headers[] = { { "x-a", "one" }, { "x-b", "two" }, { 0 } };
	static const struct {
		const char *rule, *host, *path, *query;
		bool yes;
	} rows[] = {
		{ "Host(`a.com`, `B.com`)", "b.com", "/", "", true },
		{ "Host(`a.com`, `b.com`)", "c.com", "/", "", false },
		{ "!Host(`a.com`, `b.com`)", "b.com", "/", "", false },
		{ "!Host(`a.com`, `b.com`)", "c.com", "/", "", true },
		{ "HostHeader(`a.com.`)", "a.com", "/", "", true },
		{ "Host(`*.com`)", "a.com", "/", "", false },
		{ "HostRegexp(`{sub:[a-z]+}.Example.com`)", "abc.example.com", "/", "", true },
		{ "HostRegexp(`{sub:[a-z]+}.example.com`)", "a1.example.com", "/", "", false },
		{ "HostRegexp(`{sub}.example.com`)", "a1.example.com", "/", "", true },
		{ "HostRegexp(`{sub}.example.com`)", "a.b.example.com", "/", "", false },
		{ "HostRegexp(`x`, `example.com`)", "example.com", "/", "", true },
		{ "HostRegexp(`example.com`)", "exampleXcom", "/", "", false },
		{ "Path(`/a`, `/b`)", "h", "/b", "", true },
		{ "Path(`/a/{id:[0-9]+}`)", "h", "/a/12", "", true },
		{ "Path(`/a/{id:[0-9]+}`)", "h", "/a/12/b", "", false },
		{ "Path(`/a/{id}`)", "h", "/a/x", "", true },
		{ "Path(`/a/{id:[0-9]{2}}/b`)", "h", "/a/12/b", "", true },
		{ "PathPrefix(`/a/{id}`)", "h", "/a/x/y", "", true },
		{ "PathPrefix(`/a`, `/{x:b|c}`)", "h", "/cc", "", true },
		{ "PathPrefix(`/a`)", "h", "/abc", "", true },
		{ "Method(`put`, `get`)", "h", "/", "", true },
		{ "Headers(`X-A`, `one`)", "h", "/", "", true },
		{ "Headers(`X-A`, `one`, `X-B`, `two`)", "h", "/", "", true },
		{ "Headers(`X-A`, `one`, `X-B`, `three`)", "h", "/", "", false },
		{ "HeadersRegexp(`X-A`, `^o`, `X-B`, `w`)", "h", "/", "", true },
		{ "Query(`a=1`, `b=2`)", "h", "/", "b=2&a=1", true },
		{ "Query(`a=1`, `b=2`)", "h", "/", "b=2", false },
		{ "Query(`a=1`)", "h", "/", "a=2&a=1", false },
		{ "Query(`a={n:[0-9]+}`)", "h", "/", "a=12", true },
		{ "Query(`a=`)", "h", "/", "a=x", true },
		{ "Query(`a=`)", "h", "/", "b=x", false },
		{ "Host(`x`, `y`) && Path(`/a`, `/b`) || Host(`z`)", "y", "/a", "", true },
		{ "Host(`x`, `y`) && Path(`/a`, `/b`) || Host(`z`)", "y", "/c", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_facts facts = facts_http("GET", rows[i].host, rows[i].path);

		facts.header_ctx = headers;
		facts.query = str_of(rows[i].query);
		if (rule_match(compile(*state, RULE_HTTP_V2, rows[i].rule), &facts) != rows[i].yes)
			fail_msg("%s with %s%s?%s", rows[i].rule, rows[i].host, rows[i].path, rows[i].query);
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
		{ "HostSNI(`caf\xc3\xa9.fr`)", "xn--caf-dma.fr", true },
		{ "HostSNI(`*.CAF\xc3\x89.fr`)", "x.xn--caf-dma.fr", true },
		{ "HostSNIRegexp(`^a\\.`)", "a.com", true },
		{ "HostSNIRegexp(`^$`)", "", true },
		{ "HostSNIRegexp(`A`)", "a.com", false },
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
		{ RULE_HTTP, "HeaderRegex(`a`, `b`)", 10, 5,
		  "unknown matcher HeaderRegex; did you mean HeaderRegexp?" },
		{ RULE_HTTP, "HostRegexp(`a(?=b)`)", 10, 18,
		  "HostRegexp: not a regular expression: Go's regular expressions have no look-around; combine "
		  "matchers with "
		  "&& and !" },
		{ RULE_HTTP, "HostRegexp(\"a(\\x41\")", 10, 16,
		  "HostRegexp: not a regular expression: expected ')': 1 of '(' is open" },
		{ RULE_HTTP, "HostRegexp(`caf\xc3\xa9`)", 10, 16,
		  "HostRegexp: a host name is ASCII; write an international name in its xn-- form" },
		{ RULE_HTTP, "PathRegexp(`/[z-a]`)", 10, 19,
		  "PathRegexp: not a regular expression: the range 'z-a' runs backwards" },
		{ RULE_HTTP, "HeaderRegexp(`X-A`, `a**`)", 10, 28,
		  "HeaderRegexp: not a regular expression: '*' repeats what is repeated already; use parentheses" },
		{ RULE_HTTP, "QueryRegexp(`a`, `\\1`)", 10, 22,
		  "QueryRegexp: not a regular expression: Go's regular expressions have no back-references" },
		{ RULE_HTTP, "Query(`a`, `b`, `c`)", 10, 5,
		  "unexpected number of parameters: Query takes 1 or 2, not 3" },
		{ RULE_TCP, "ALPN(`acme-tls/1`)", 10, 10,
		  "ALPN: acme-tls/1 is kept for certificates; expected another protocol" },
		{ RULE_TCP, "HostSNIRegexp(`(`)", 10, 21,
		  "HostSNIRegexp: not a regular expression: expected ')': 1 of '(' is open" },
		{ RULE_HTTP, "Headers(`a`, `b`)", 10, 5,
		  "Headers is a matcher of the v2 syntax; expected Header, or ruleSyntax: v2" },
		{ RULE_HTTP_V2, "PathRegexp(`a`)", 10, 5,
		  "PathRegexp is a matcher of the v3 syntax; expected another, or ruleSyntax: v3" },
		{ RULE_HTTP_V2, "HostSNI(`a`)", 10, 5, "HostSNI is a matcher of TCP routers" },
		{ RULE_HTTP_V2, "Headers(`a`, `b`, `c`)", 10, 5,
		  "unexpected number of parameters: Headers takes pairs of name and value, not 3" },
		{ RULE_HTTP_V2, "Host()", 10, 5, "unexpected number of parameters: Host takes 1 or more, not 0" },
		{ RULE_HTTP_V2, "Host(`a`, ``)", 10, 15, "a parameter of Host is empty" },
		{ RULE_HTTP_V2, "Path(`/{a`)", 10, 10,
		  "Path: braces do not pair, or are empty; expected {name} or {name:pattern}" },
		{ RULE_HTTP_V2, "Path(`/`, `/a}`)", 10, 15,
		  "Path: braces do not pair, or are empty; expected {name} or {name:pattern}" },
		{ RULE_HTTP_V2, "HostRegexp(`{:a}`)", 10, 16,
		  "HostRegexp: braces do not pair, or are empty; expected {name} or {name:pattern}" },
		{ RULE_HTTP_V2, "HostRegexp(`{a:(}`)", 10, 16,
		  "HostRegexp: not a regular expression: expected ')': 1 of '(' is open" },
		{ RULE_HTTP_V2, "Query(`a`)", 10, 11, "Query: expected name=value" },
		{ RULE_TCP_V2, "HostSNI(`*.a`)", 10, 13,
		  "HostSNI: the v2 syntax has no wildcard names; write HostSNIRegexp" },
		{ RULE_TCP, "Host(`a`)", 10, 5, "Host is a matcher of HTTP routers" },
		{ RULE_HTTP, "HostSNI(`a`)", 10, 5, "HostSNI is a matcher of TCP routers" },
		{ RULE_HTTP, "Host()", 10, 5, "unexpected number of parameters: Host takes 1, not 0" },
		{ RULE_HTTP, "Host(`a`, `b`, `c`)", 10, 15,
		  "unexpected number of parameters: Host takes 1, not 3; write Host(..) || Host(..)" },
		{ RULE_HTTP, "Header(`a`)", 10, 5, "unexpected number of parameters: Header takes 2, not 1" },
		{ RULE_HTTP, "Header(`a`, ``)", 10, 17, "a parameter of Header is empty" },
		{ RULE_HTTP, "Path(`a`)", 10, 10, "Path: a path must start with '/'" },
		{ RULE_HTTP, "PathPrefix(\"a\")", 10, 16, "PathPrefix: a path must start with '/'" },
		{ RULE_HTTP, "Host(`caf\xc3\xa9`)", 10, 10, "Host: a host name must be ASCII; write `xn--caf-dma`" },
		{ RULE_HTTP, "Host(`\xff`)", 10, 10,
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

/* The line of the rule and a caret under the byte, whatever stands before it. */
static void errors_quote_the_line(void **state)
{
	static const struct {
		const char *rule, *quote;
	} rows[] = {
		{ "Host(`a`) Path(`/`)", "Host(`a`) Path(`/`)\n          ^" },
		{ "Host(`a`) &&\n\tPat(`/`)", " Pat(`/`)\n ^" },
		{ "Path(`/\xc3\xa9`) x", "Path(`/\xc3\xa9`) x\n           ^" },
		{ "Host(`a`) &&", "Host(`a`) &&\n            ^" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(rule_compile(&f->a, RULE_HTTP, rows[i].rule, somewhere, "k", &f->errs));
		assert_string_equal(f->errs.v[i].quote, rows[i].quote);
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
		TEST(query_matchers),
		TEST(regexp_matchers),
		TEST(alpn_matcher),
		TEST(v2_syntax),
		TEST(sni_matcher),
		TEST(operators_against_c),
		TEST(spellings_of_names),
		TEST(white_space_where_go_has_it),
		TEST(strings_as_in_go),
		TEST(errors_say_where_and_what),
		TEST(errors_quote_the_line),
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
