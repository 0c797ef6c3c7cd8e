/* Matchers of HTTP routers. */
#include "base/prefix.h"
#include "rule/name.h"
#include "rule/ops.h"

/* A name and a value, or only a value. */
struct rule_pair {
	struct str name, value;
};

static const char *rule_op_host(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	*ret_arg = 0;
	for (size_t i = 0; i < args[0].n; i++)
		if ((unsigned char)args[0].p[i] >= 0x80)
			return "a host name must be ASCII; write an international name in its xn-- form";
	if (str_eq(args[0], STR(".")))
		return "a host name must have a label";
	*ret_data = rule_name_new(a, args[0]);
	return NULL;
}

static bool rule_op_host_match(const void *data, const struct rule_facts *f)
{
	return rule_name_match(data, f->host);
}

bool rule_op_host_key(const void *data, struct str *ret_key)
{
	const struct rule_name *name = data;

	if (name->kind == RULE_NAME_ANY)
		return false;
	*ret_key = name->text;
	return true;
}

static const char *rule_op_path(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	(void)a;
	*ret_arg = 0;
	if (args[0].p[0] != '/')
		return "a path must start with '/'";
	*ret_data = &args[0];
	return NULL;
}

static bool rule_op_path_match(const void *data, const struct rule_facts *f)
{
	return str_eq(f->path, *(const struct str *)data);
}

static bool rule_op_path_prefix_match(const void *data, const struct rule_facts *f)
{
	return str_starts(f->path, *(const struct str *)data);
}

/* The method of the rule is upper-cased, that of the request is not: methods are case-sensitive (RFC 9110 §9.1). */
static const char *rule_op_method(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	struct str *method = arena_zalloc(a, sizeof(*method));
	char *text = arena_alloc(a, args[0].n);

	*ret_arg = 0;
	for (size_t i = 0; i < args[0].n; i++) {
		char c = args[0].p[i];

		text[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	*method = str_mk(text, args[0].n);
	*ret_data = method;
	return NULL;
}

static bool rule_op_method_match(const void *data, const struct rule_facts *f)
{
	return str_eq(f->method, *(const struct str *)data);
}

static const char *rule_op_header(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	struct rule_pair *pair = arena_zalloc(a, sizeof(*pair));

	*ret_arg = 0;
	pair->name = rule_name_lower(a, args[0]);
	pair->value = args[1];
	*ret_data = pair;
	return NULL;
}

static bool rule_op_header_equals(const void *want, struct str value)
{
	return str_eq(value, *(const struct str *)want);
}

/* The Host line is the request's host, not a header: it never matches here. */
static bool rule_op_header_match(const void *data, const struct rule_facts *f)
{
	const struct rule_pair *pair = data;

	if (!f->header_any || str_eq(pair->name, STR("host")))
		return false;
	return f->header_any(f->header_ctx, pair->name, rule_op_header_equals, &pair->value);
}

const char *rule_op_client_ip(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	struct prefix_set *set = arena_zalloc(a, sizeof(*set));

	*ret_arg = 0;
	set->v = arena_zalloc(a, sizeof(*set->v));
	set->n = 1;
	if (prefix_parse(args[0], set->v) < 0)
		return "not an IP address or CIDR range";
	*ret_data = set;
	return NULL;
}

bool rule_op_client_ip_match(const void *data, const struct rule_facts *f)
{
	return f->client && prefix_set_has(data, f->client);
}

const struct rule_op rule_ops_http[] = {
	{ "Host", 1, 1, rule_op_host, rule_op_host_match, rule_op_host_key },
	{ "HostRegexp", 1, 1 },
	{ "Path", 1, 1, rule_op_path, rule_op_path_match },
	{ "PathPrefix", 1, 1, rule_op_path, rule_op_path_prefix_match },
	{ "PathRegexp", 1, 1 },
	{ "Method", 1, 1, rule_op_method, rule_op_method_match },
	{ "Header", 2, 2, rule_op_header, rule_op_header_match },
	{ "HeaderRegexp", 2, 2 },
	{ "Query", 1, 2 },
	{ "QueryRegexp", 1, 2 },
	{ "ClientIP", 1, 1, rule_op_client_ip, rule_op_client_ip_match },
	{ NULL },
};
