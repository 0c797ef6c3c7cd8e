/* Matchers of TCP routers, v3. */
#include <errno.h>

#include "base/idn.h"
#include "base/regex.h"
#include "rule/name.h"
#include "rule/ops.h"

/* Letters, digits and "_.:-", which may follow "*.". */
static bool rule_op_sni_valid(struct str name)
{
	if (str_starts(name, STR("*.")))
		name = str_skip(name, 2);
	for (size_t i = 0; i < name.n; i++) {
		char c = str_lower_char(name.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' || c == '-'))
			return false;
	}
	return name.n > 0 && !str_eq(name, STR("."));
}

/* "*.café.fr": the conversion is of names, and '*' is in none. */
static struct str rule_op_sni_ascii(struct arena *a, struct str name)
{
	struct str ascii;
	bool child = str_starts(name, STR("*."));

	if (rule_is_ascii(name) || idn_to_ascii(a, str_skip(name, child ? 2 : 0), &ascii) < 0)
		return name;
	return child ? str_of(arena_printf(a, "*.%.*s", STR_ARG(ascii))) : ascii;
}

int rule_op_sni(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		struct rule_fault *ret_fault)
{
	struct str name = rule_op_sni_ascii(a, args[0].text);

	(void)nargs;
	if (!str_eq(name, STR("*")) && !rule_op_sni_valid(name))
		return rule_fail(ret_fault, 0, "not a server name; it is '*', a host name, or '*.' and a host name");
	*ret_data = rule_name_new(a, name);
	return 0;
}

bool rule_op_sni_match(const void *data, const struct rule_facts *f)
{
	return rule_name_match(data, f->sni);
}

static int rule_op_sni_regexp(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
			      struct rule_fault *ret_fault)
{
	(void)nargs;
	if (!rule_is_ascii(args[0].text))
		return rule_fail(ret_fault, 0, "a server name is ASCII; write an international name in its xn-- form");
	return rule_op_regex(a, &args[0], 0, ret_data, ret_fault);
}

bool rule_op_sni_regexp_match(const void *data, const struct rule_facts *f)
{
	return regex_match(data, f->sni);
}

int rule_op_alpn(struct arena *a, const struct rule_arg *args, unsigned nargs, const void **ret_data,
		 struct rule_fault *ret_fault)
{
	(void)a;
	(void)nargs;
	if (str_eq(args[0].text, STR("acme-tls/1")))
		return rule_fail(ret_fault, 0, "acme-tls/1 is kept for certificates; expected another protocol");
	*ret_data = &args[0].text;
	return 0;
}

bool rule_op_alpn_match(const void *data, const struct rule_facts *f)
{
	for (size_t i = 0; i < f->nalpn; i++)
		if (str_eq(f->alpn[i], *(const struct str *)data))
			return true;
	return false;
}

const struct rule_op rule_ops_tcp[] = {
	{ "HostSNI", 1, 1, rule_op_sni, rule_op_sni_match, rule_op_host_key },
	{ "HostSNIRegexp", 1, 1, rule_op_sni_regexp, rule_op_sni_regexp_match },
	{ "ClientIP", 1, 1, rule_op_client_ip, rule_op_client_ip_match },
	{ "ALPN", 1, 1, rule_op_alpn, rule_op_alpn_match },
	{ NULL },
};
