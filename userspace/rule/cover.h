/* Which requests a rule can match at all, as far as host and path say so: the union of keys. Private to this room. */
#pragma once
#include "rule/ops.h"

#define RULE_COVER_MAX 1024 /* keys of one rule */

struct rule_cover {
	struct rule_key *v;
	size_t n;   /* 0: the rule matches nothing */
	bool lossy; /* there were too many, and some of what they say was dropped */
};

/* In `a`. Every request that the rule matches has one of the keys; one that has a `sure` key is matched. */
struct rule_cover rule_cover_of(struct arena *a, const struct rule_node *root);
/* The program of what is left to evaluate for a request that has one of the keys, in `a`; NULL: all of the rule. */
const struct rule_step *rule_cover_rest(struct arena *a, const struct rule_node *root);
