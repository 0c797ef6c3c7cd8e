/* Many rules, one lookup: by host, then along the path, then what else the rules ask. The cost does not grow with the
 * number of routers of other hosts and paths. Immutable after build. */
#pragma once
#include "rule/rule.h"

struct rule_index;

struct rule_entry {
	const struct rule *rule;
	int64_t priority; /* higher first; equal: the order given */
	void *value;
};

struct rule_index *rule_index_build(struct arena *a, const struct rule_entry *entries, size_t n);
/* Calls `add` with every host that the rule can match ("a.b", or ".b" for *.b); false: it can match any. */
bool rule_index_hosts(const struct rule *r, void (*add)(void *ctx, struct str host), void *ctx);
void *rule_index_find(const struct rule_index *ix, const struct rule_facts *f); /* value of the first match or NULL */
/* All of them, in the order in which they are tried; for explaining a choice. */
const struct rule_entry *rule_index_entries(const struct rule_index *ix, size_t *ret_n);
