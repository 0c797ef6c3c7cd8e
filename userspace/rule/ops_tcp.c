/* Matchers of TCP routers. */
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

static const char *rule_op_sni(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg)
{
	*ret_arg = 0;
	if (!str_eq(args[0], STR("*")) && !rule_op_sni_valid(args[0]))
		return "not a server name; it is '*', a host name, or '*.' and a host name";
	*ret_data = rule_name_new(a, args[0]);
	return NULL;
}

static bool rule_op_sni_match(const void *data, const struct rule_facts *f)
{
	return rule_name_match(data, f->sni);
}

const struct rule_op rule_ops_tcp[] = {
	{ "HostSNI", 1, 1, rule_op_sni, rule_op_sni_match, rule_op_host_key },
	{ "HostSNIRegexp", 1, 1 },
	{ "ClientIP", 1, 1, rule_op_client_ip, rule_op_client_ip_match },
	{ "ALPN", 1, 1 },
	{ NULL },
};
