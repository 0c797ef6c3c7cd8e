/* The parameters of a request's query, as Go's url.ParseQuery has them: pairs that are badly escaped, and those with a
 * ';', are none. Private to this room. */
#pragma once
#include "base/buf.h"

struct rule_query {
	struct str rest;   /* raw, not yet looked at */
	struct buf buffer; /* the newest value, where it was escaped */
};

void rule_query_begin(struct rule_query *q, struct str query);
/* The next value of `key`, decoded; valid until the next call. */
bool rule_query_next(struct rule_query *q, struct str key, struct str *ret_value);
void rule_query_end(struct rule_query *q);
