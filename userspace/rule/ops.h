/* What a matcher is. Adding one is a row in the table of its dialect and the functions the row names. Private to this
 * room. */
#pragma once
#include "rule/rule.h"

struct rule_op {
	const char *name; /* as Traefik writes it */
	uint8_t min, max; /* number of parameters */
	/* Checks the parameters (decoded, none empty, living in `a`) and makes what `match` reads. Returns NULL, or
	 * what is wrong with which parameter. A row without it is a matcher of Traefik's that this version does not
	 * have. */
	const char *(*compile)(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg);
	bool (*match)(const void *data, const struct rule_facts *f);
	/* Optional, for the index. Sets ret_key to a host name ("a.b") or to a parent with its dot (".b", any child of
	 * b) which every match has; false when there is no such name. */
	bool (*host)(const void *data, struct str *ret_key);
};

/* Tables, each ending with a row without a name. */
extern const struct rule_op rule_ops_http[];
extern const struct rule_op rule_ops_tcp[];

static inline const struct rule_op *rule_ops(enum rule_dialect dialect)
{
	return dialect == RULE_HTTP ? rule_ops_http : rule_ops_tcp;
}

/* Parts of rows that both dialects have; defined in ops_http.c. */
bool rule_op_host_key(const void *data, struct str *ret_key);
const char *rule_op_client_ip(struct arena *a, const struct str *args, const void **ret_data, unsigned *ret_arg);
bool rule_op_client_ip_match(const void *data, const struct rule_facts *f);
