/* The pattern of a host name, as Host and HostSNI take it. Private to this room. */
#pragma once
#include "rule/rule.h"

enum rule_name_kind {
	RULE_NAME_ANY,	 /* "*": everything, also no name at all */
	RULE_NAME_EXACT, /* "a.example.com" */
	RULE_NAME_CHILD, /* "*.example.com": one label more */
};

struct rule_name {
	enum rule_name_kind kind;
	struct str text; /* lower case, no trailing dot; of a child pattern from its first dot on (".example.com") */
};

/* A lower-case copy in `a`. */
struct str rule_name_lower(struct arena *a, struct str s);

/* In `a`; `pattern` is not empty. */
const struct rule_name *rule_name_new(struct arena *a, struct str pattern);

/* `name` is canonical: lower case, no trailing dot. An empty name matches only "*". */
bool rule_name_match(const struct rule_name *pattern, struct str name);
