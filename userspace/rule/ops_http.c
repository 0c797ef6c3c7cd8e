/* Matchers of HTTP routers, v3. */
#include <errno.h>

#include "base/idn.h"
#include "base/regex.h"
#include "rule/name.h"
#include "rule/ops.h"
#include "rule/query.h"

/* A name and a value or a pattern. */
struct rule_pair {
	struct str name, value;
	const void *regex;
};

/* ---- host ---- */

static int rule_op_host(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			struct rule_fault *ret_fault)
{
	struct str host = args[0].text, ascii;

	(void)nargs;
	if (!rule_is_ascii(host)) {
		if (idn_to_ascii(a, host, &ascii) == 0)
			return rule_fail(ret_fault, 0, "a host name must be ASCII; write `%.*s`", STR_ARG(ascii));
		return rule_fail(ret_fault, 0,
				 "a host name must be ASCII; write an international name in its xn-- form");
	}
	if (str_eq(host, STR(".")))
		return rule_fail(ret_fault, 0, "a host name must have a label");
	*ret_data = rule_name_new(a, host);
	return 0;
}

bool rule_op_host_match(const void *data, const struct rule_facts *f)
{
	return rule_name_match(data, f->host);
}

/* A name that begins with a dot would look like the key of a parent; it has none. */
void rule_op_host_key(const void *data, struct rule_key *ret_key)
{
	const struct rule_name *name = data;

	ret_key->sure = name->kind != RULE_NAME_EXACT || name->text.p[0] != '.';
	if (ret_key->sure && name->kind != RULE_NAME_ANY)
		ret_key->host = name->text;
}

static int rule_op_host_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			       struct rule_fault *ret_fault)
{
	(void)nargs;
	if (!rule_is_ascii(args[0].text))
		return rule_fail(ret_fault, 0, "a host name is ASCII; write an international name in its xn-- form");
	return rule_op_regex(a, &args[0], 0, ret_data, ret_fault);
}

bool rule_op_host_regexp_match(const void *data, const struct rule_facts *f)
{
	return regex_match(data, f->host);
}

/* ---- path ---- */

int rule_op_path(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		 struct rule_fault *ret_fault)
{
	(void)a;
	(void)nargs;
	if (args[0].text.p[0] != '/')
		return rule_fail(ret_fault, 0, "a path must start with '/'");
	*ret_data = &args[0].text;
	return 0;
}

bool rule_op_path_match(const void *data, const struct rule_facts *f)
{
	return str_eq(f->path, *(const struct str *)data);
}

void rule_op_path_key(const void *data, struct rule_key *ret_key)
{
	*ret_key = (struct rule_key){ .path = *(const struct str *)data, .whole = true, .sure = true };
}

bool rule_op_path_prefix_match(const void *data, const struct rule_facts *f)
{
	return str_starts(f->path, *(const struct str *)data);
}

void rule_op_path_prefix_key(const void *data, struct rule_key *ret_key)
{
	*ret_key = (struct rule_key){ .path = *(const struct str *)data, .sure = true };
}

static int rule_op_path_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			       struct rule_fault *ret_fault)
{
	(void)nargs;
	return rule_op_regex(a, &args[0], 0, ret_data, ret_fault);
}

bool rule_op_path_regexp_match(const void *data, const struct rule_facts *f)
{
	return regex_match(data, f->path);
}

/* ---- method ---- */

/* The method of the rule is upper-cased, that of the request is not: methods are case-sensitive (RFC 9110 §9.1). */
int rule_op_method(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		   struct rule_fault *ret_fault)
{
	struct str *method = arena_zalloc(a, sizeof(*method)), s = args[0].text;
	char *text = arena_alloc(a, s.n);

	(void)nargs;
	(void)ret_fault;
	for (size_t i = 0; i < s.n; i++)
		text[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 'a' + 'A') : s.p[i];
	*method = str_mk(text, s.n);
	*ret_data = method;
	return 0;
}

bool rule_op_method_match(const void *data, const struct rule_facts *f)
{
	return str_eq(f->method, *(const struct str *)data);
}

/* ---- headers ---- */

int rule_op_header(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		   struct rule_fault *ret_fault)
{
	struct rule_pair *pair = arena_zalloc(a, sizeof(*pair));

	(void)nargs;
	(void)ret_fault;
	pair->name = rule_name_lower(a, args[0].text);
	pair->value = args[1].text;
	*ret_data = pair;
	return 0;
}

static bool rule_op_header_equals(const void *want, struct str value)
{
	return str_eq(value, *(const struct str *)want);
}

static bool rule_op_header_fits(const void *regex, struct str value)
{
	return regex_match(regex, value);
}

/* The Host line is the request's host, not a header: it never matches here. */
static bool rule_op_header_any(const struct rule_pair *pair, const struct rule_facts *f,
			       bool (*test)(const void *arg, struct str value), const void *arg)
{
	if (!f->header_any || str_eq(pair->name, STR("host")))
		return false;
	return f->header_any(f->header_ctx, pair->name, test, arg);
}

bool rule_op_header_match(const void *data, const struct rule_facts *f)
{
	const struct rule_pair *pair = data;

	return rule_op_header_any(pair, f, rule_op_header_equals, &pair->value);
}

int rule_op_header_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			  struct rule_fault *ret_fault)
{
	struct rule_pair *pair = arena_zalloc(a, sizeof(*pair));

	(void)nargs;
	pair->name = rule_name_lower(a, args[0].text);
	*ret_data = pair;
	return rule_op_regex(a, &args[1], 1, &pair->regex, ret_fault);
}

bool rule_op_header_regexp_match(const void *data, const struct rule_facts *f)
{
	const struct rule_pair *pair = data;

	return rule_op_header_any(pair, f, rule_op_header_fits, pair->regex);
}

/* ---- query ---- */

/* Without a value: the one that is empty, as in "?k" and "?k="; not any value. */
static int rule_op_query(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			 struct rule_fault *ret_fault)
{
	struct rule_pair *pair = arena_zalloc(a, sizeof(*pair));

	(void)ret_fault;
	pair->name = args[0].text;
	pair->value = nargs > 1 ? args[1].text : STR("");
	*ret_data = pair;
	return 0;
}

static int rule_op_query_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
				struct rule_fault *ret_fault)
{
	struct rule_pair *pair = arena_zalloc(a, sizeof(*pair));

	pair->name = args[0].text;
	pair->value = STR("");
	*ret_data = pair;
	return nargs > 1 ? rule_op_regex(a, &args[1], 1, &pair->regex, ret_fault) : 0;
}

static bool rule_op_query_match(const void *data, const struct rule_facts *f)
{
	const struct rule_pair *pair = data;
	struct rule_query q;
	struct str value;
	bool yes = false;

	rule_query_begin(&q, f->query);
	while (!yes && rule_query_next(&q, pair->name, &value))
		yes = pair->regex ? regex_match(pair->regex, value) : str_eq(value, pair->value);
	rule_query_end(&q);
	return yes;
}

const struct rule_op rule_ops_http[] = {
	{ "Host", 1, 1, rule_op_host, rule_op_host_match, rule_op_host_key },
	{ "HostRegexp", 1, 1, rule_op_host_regexp, rule_op_host_regexp_match },
	{ "Path", 1, 1, rule_op_path, rule_op_path_match, rule_op_path_key },
	{ "PathPrefix", 1, 1, rule_op_path, rule_op_path_prefix_match, rule_op_path_prefix_key },
	{ "PathRegexp", 1, 1, rule_op_path_regexp, rule_op_path_regexp_match },
	{ "Method", 1, 1, rule_op_method, rule_op_method_match },
	{ "Header", 2, 2, rule_op_header, rule_op_header_match },
	{ "HeaderRegexp", 2, 2, rule_op_header_regexp, rule_op_header_regexp_match },
	{ "Query", 1, 2, rule_op_query, rule_op_query_match },
	{ "QueryRegexp", 1, 2, rule_op_query_regexp, rule_op_query_match },
	{ "ClientIP", 1, 1, rule_op_client_ip, rule_op_client_ip_match },
	{ NULL },
};
