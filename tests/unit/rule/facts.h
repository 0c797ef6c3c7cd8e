/* A request for rule tests: facts with a small header list behind them. */
#pragma once
#include "rule/rule.h"

struct facts_header {
	const char *name, *value; /* name in lower case */
};

/* header_ctx is an array of these that ends with a NULL name. */
static bool facts_header_any(const void *ctx, struct str name, bool (*test)(const void *arg, struct str value),
			     const void *arg)
{
	for (const struct facts_header *h = ctx; h && h->name; h++)
		if (str_eq(str_of(h->name), name) && test(arg, str_of(h->value)))
			return true;
	return false;
}

static inline struct rule_facts facts_http(const char *method, const char *host, const char *path)
{
	return (struct rule_facts){
		.host = str_of(host), .path = str_of(path), .method = str_of(method), .header_any = facts_header_any
	};
}
