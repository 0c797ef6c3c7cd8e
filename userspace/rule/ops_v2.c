/* Matchers of the v2 syntax, for routers with ruleSyntax: v2. Their parameters may hold {name} and {name:pattern}, as
 * those of the router library that v2 was built on; a matcher with several parameters is several matchers. */
#include <errno.h>

#include "base/mem.h"
#include "base/regex.h"
#include "rule/name.h"
#include "rule/ops.h"
#include "rule/query.h"

/* ---- templates ---- */

/* Where the outermost {...} that begins at or behind `from` ends; 0: there is none. -EINVAL: braces do not pair. */
static int rule_template_next(struct str s, size_t from, size_t *ret_open, size_t *ret_end)
{
	unsigned level = 0;

	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] == '{' && level++ == 0)
			*ret_open = i;
		if (s.p[i] == '}' && (level == 0 || --level == 0)) {
			*ret_end = i + 1;
			return *ret_open == SIZE_MAX ? -EINVAL : 1;
		}
	}
	return level ? -EINVAL : 0;
}

/* Text as a pattern that matches just it. */
static void rule_template_literal(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = str_lower_char(s.p[i]);

		if ((unsigned char)c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c > ' ' && c < 0x7f))
			buf_char(out, '\\');
		buf_char(out, s.p[i]);
	}
}

/* What is between braces: "name" or "name:pattern". */
static int rule_template_part(struct buf *out, struct str part, const char *otherwise)
{
	struct str name, pattern = str_cut(part, ':', &name);

	if (!name.n || (pattern.p && !pattern.n))
		return -EINVAL;
	buf_puts(out, "(?:");
	if (pattern.p)
		buf_str(out, pattern);
	else
		buf_puts(out, otherwise);
	buf_char(out, ')');
	return 0;
}

struct rule_template {
	const char *before, *after; /* "^", "$" */
	const char *otherwise;	    /* the pattern of {name} */
};

/* The text between the first pattern and the last is done; the rest follows. */
static int rule_template_write(const struct rule_template *t, struct str s, struct buf *out)
{
	size_t at = 0, open = SIZE_MAX, end;
	int r;

	buf_puts(out, t->before);
	while ((r = rule_template_next(s, at, &open, &end)) > 0) {
		rule_template_literal(out, str_mk(s.p + at, open - at));
		if (rule_template_part(out, str_mk(s.p + open + 1, end - open - 2), t->otherwise) < 0)
			return -EINVAL;
		at = end;
		open = SIZE_MAX;
	}
	rule_template_literal(out, str_skip(s, at));
	buf_puts(out, t->after);
	return r;
}

static int rule_template_compile(struct arena *a, const struct rule_template *t, struct str text, const void **ret_data,
				 struct rule_fault *ret_fault)
{
	_cleanup_(buf_free) struct buf pattern;
	struct regex_error e;

	buf_init(&pattern, 0);
	if (rule_template_write(t, text, &pattern) < 0)
		return rule_fail(ret_fault, 0, "braces do not pair, or are empty; expected {name} or {name:pattern}");
	*ret_data = regex_compile(a, buf_view(&pattern), &e);
	return *ret_data ? 0 : rule_fail(ret_fault, 0, "not a regular expression: %s", e.text);
}

static const struct rule_template rule_template_host = { "(?i)^", "$", "[^.]+" };

/* ---- HTTP ---- */

/* No wildcards here: a '*' is itself. */
static int rule_v2_host(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			struct rule_fault *ret_fault)
{
	struct rule_name *name = arena_zalloc(a, sizeof(*name));
	struct str host = args[0].text;

	(void)nargs;
	if (!rule_is_ascii(host))
		return rule_fail(ret_fault, 0,
				 "a host name must be ASCII; write an international name in its xn-- form");
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	name->kind = RULE_NAME_EXACT;
	name->text = rule_name_lower(a, host);
	*ret_data = name;
	return 0;
}

static int rule_v2_host_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			       struct rule_fault *ret_fault)
{
	(void)nargs;
	if (!rule_is_ascii(args[0].text))
		return rule_fail(ret_fault, 0, "a host name is ASCII; write an international name in its xn-- form");
	return rule_template_compile(a, &rule_template_host, args[0].text, ret_data, ret_fault);
}

/* A path without braces is found by the index. */
struct rule_v2_path {
	struct str literal;
	const void *regex; /* NULL: literal */
};

static int rule_v2_path_compile(struct arena *a, const struct rule_template *t, const struct rule_arg *args,
				const void **ret_data, struct rule_fault *ret_fault)
{
	struct rule_v2_path *p = arena_zalloc(a, sizeof(*p));

	p->literal = args[0].text;
	*ret_data = p;
	if (p->literal.p[0] != '/')
		return rule_fail(ret_fault, 0, "a path must start with '/'");
	if (!memchr(p->literal.p, '{', p->literal.n) && !memchr(p->literal.p, '}', p->literal.n))
		return 0;
	return rule_template_compile(a, t, p->literal, &p->regex, ret_fault);
}

static int rule_v2_path(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			struct rule_fault *ret_fault)
{
	static const struct rule_template t = { "^", "$", "[^/]+" };

	(void)nargs;
	return rule_v2_path_compile(a, &t, args, ret_data, ret_fault);
}

static bool rule_v2_path_match(const void *data, const struct rule_facts *f)
{
	const struct rule_v2_path *p = data;

	return p->regex ? regex_match(p->regex, f->path) : str_eq(f->path, p->literal);
}

static void rule_v2_path_key(const void *data, struct rule_key *ret_key)
{
	const struct rule_v2_path *p = data;

	if (!p->regex)
		rule_op_path_key(&p->literal, ret_key);
}

static int rule_v2_path_prefix(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			       struct rule_fault *ret_fault)
{
	static const struct rule_template t = { "^", "", "[^/]+" };

	(void)nargs;
	return rule_v2_path_compile(a, &t, args, ret_data, ret_fault);
}

static bool rule_v2_path_prefix_match(const void *data, const struct rule_facts *f)
{
	const struct rule_v2_path *p = data;

	return p->regex ? regex_match(p->regex, f->path) : str_starts(f->path, p->literal);
}

static void rule_v2_path_prefix_key(const void *data, struct rule_key *ret_key)
{
	const struct rule_v2_path *p = data;

	if (!p->regex)
		rule_op_path_prefix_key(&p->literal, ret_key);
}

/* "name=value": the first value of that name counts. */
struct rule_v2_query {
	struct str name;
	const void *regex; /* NULL: any value */
};

static int rule_v2_query(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			 struct rule_fault *ret_fault)
{
	static const struct rule_template t = { "^", "$", ".*" };
	struct rule_v2_query *q = arena_zalloc(a, sizeof(*q));
	struct str value = str_cut(args[0].text, '=', &q->name);

	(void)nargs;
	*ret_data = q;
	if (!value.p || !q->name.n)
		return rule_fail(ret_fault, 0, "expected name=value");
	return value.n ? rule_template_compile(a, &t, value, &q->regex, ret_fault) : 0;
}

static bool rule_v2_query_match(const void *data, const struct rule_facts *f)
{
	const struct rule_v2_query *want = data;
	struct rule_query q;
	struct str value;
	bool yes;

	rule_query_begin(&q, f->query);
	yes = rule_query_next(&q, want->name, &value) && (!want->regex || regex_match(want->regex, value));
	rule_query_end(&q);
	return yes;
}

const struct rule_op rule_ops_http_v2[] = {
	{ "Host", 1, RULE_ARGS_MAX - 1, rule_v2_host, rule_op_host_match, rule_op_host_key, 1, RULE_OR },
	{ "HostHeader", 1, RULE_ARGS_MAX - 1, rule_v2_host, rule_op_host_match, rule_op_host_key, 1, RULE_OR },
	{ "HostRegexp", 1, RULE_ARGS_MAX - 1, rule_v2_host_regexp, rule_op_host_regexp_match, NULL, 1, RULE_OR },
	{ "Path", 1, RULE_ARGS_MAX - 1, rule_v2_path, rule_v2_path_match, rule_v2_path_key, 1, RULE_OR },
	{ "PathPrefix", 1, RULE_ARGS_MAX - 1, rule_v2_path_prefix, rule_v2_path_prefix_match, rule_v2_path_prefix_key,
	  1, RULE_OR },
	{ "Method", 1, RULE_ARGS_MAX - 1, rule_op_method, rule_op_method_match, NULL, 1, RULE_OR },
	{ "Headers", 2, RULE_ARGS_MAX - 1, rule_op_header, rule_op_header_match, NULL, 2, RULE_AND },
	{ "HeadersRegexp", 2, RULE_ARGS_MAX - 1, rule_op_header_regexp, rule_op_header_regexp_match, NULL, 2,
	  RULE_AND },
	{ "Query", 1, RULE_ARGS_MAX - 1, rule_v2_query, rule_v2_query_match, NULL, 1, RULE_AND },
	{ "ClientIP", 1, RULE_ARGS_MAX - 1, rule_op_client_ip, rule_op_client_ip_match, NULL, 1, RULE_OR },
	{ NULL },
};

/* ---- TCP ---- */

static int rule_v2_sni(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		       struct rule_fault *ret_fault)
{
	if (str_starts(args[0].text, STR("*.")))
		return rule_fail(ret_fault, 0, "the v2 syntax has no wildcard names; write HostSNIRegexp");
	return rule_op_sni(a, args, nargs, ret_data, ret_fault);
}

static int rule_v2_sni_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			      struct rule_fault *ret_fault)
{
	(void)nargs;
	return rule_template_compile(a, &rule_template_host, args[0].text, ret_data, ret_fault);
}

const struct rule_op rule_ops_tcp_v2[] = {
	{ "HostSNI", 1, RULE_ARGS_MAX - 1, rule_v2_sni, rule_op_sni_match, rule_op_host_key, 1, RULE_OR },
	{ "HostSNIRegexp", 1, RULE_ARGS_MAX - 1, rule_v2_sni_regexp, rule_op_sni_regexp_match, NULL, 1, RULE_OR },
	{ "ClientIP", 1, RULE_ARGS_MAX - 1, rule_op_client_ip, rule_op_client_ip_match, NULL, 1, RULE_OR },
	{ "ALPN", 1, RULE_ARGS_MAX - 1, rule_op_alpn, rule_op_alpn_match, NULL, 1, RULE_OR },
	{ NULL },
};
