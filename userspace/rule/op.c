/* What the tables of matchers have in common. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/prefix.h"
#include "base/regex.h"
#include "rule/ops.h"

const struct rule_op *rule_ops(enum rule_dialect dialect)
{
	static const struct rule_op *const all[] = {
		[RULE_HTTP] = rule_ops_http,
		[RULE_TCP] = rule_ops_tcp,
		[RULE_HTTP_V2] = rule_ops_http_v2,
		[RULE_TCP_V2] = rule_ops_tcp_v2,
	};

	return all[dialect];
}

int rule_fail(struct rule_fault *fault, unsigned arg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	fault->arg = arg;
	fault->at = 0;
	return -EINVAL;
}

bool rule_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

int rule_op_regex(struct arena *a, const struct rule_arg *arg, unsigned number, const void **ret_data,
		  struct rule_fault *ret_fault)
{
	struct regex_error e;

	*ret_data = regex_compile(a, arg->text, &e);
	if (*ret_data)
		return 0;
	rule_fail(ret_fault, number, "not a regular expression: %s", e.text);
	ret_fault->at = e.at;
	return -EINVAL;
}

int rule_op_client_ip(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		      struct rule_fault *ret_fault)
{
	struct prefix_set *set = arena_zalloc(a, sizeof(*set));

	(void)nargs;
	set->v = arena_zalloc(a, sizeof(*set->v));
	set->n = 1;
	if (prefix_parse(args[0].text, set->v) < 0)
		return rule_fail(ret_fault, 0, "not an IP address or CIDR range");
	*ret_data = set;
	return 0;
}

bool rule_op_client_ip_match(const void *data, const struct rule_facts *f)
{
	return f->client && prefix_set_has(data, f->client);
}
