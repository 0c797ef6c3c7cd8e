/* Host name patterns: made once, compared for every request. */
#include "rule/name.h"

struct str rule_name_lower(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n);

	for (size_t i = 0; i < s.n; i++)
		out[i] = str_lower_char(s.p[i]);
	return str_mk(out, s.n);
}

const struct rule_name *rule_name_new(struct arena *a, struct str pattern)
{
	struct rule_name *n = arena_zalloc(a, sizeof(*n));

	if (str_eq(pattern, STR("*"))) {
		n->kind = RULE_NAME_ANY;
		return n;
	}
	n->kind = RULE_NAME_EXACT;
	if (pattern.p[pattern.n - 1] == '.')
		pattern.n--;
	if (pattern.n > 2 && str_starts(pattern, STR("*."))) {
		n->kind = RULE_NAME_CHILD;
		pattern = str_skip(pattern, 1);
	}
	n->text = rule_name_lower(a, pattern);
	return n;
}

bool rule_name_match(const struct rule_name *pattern, struct str name)
{
	if (pattern->kind == RULE_NAME_ANY)
		return true;
	if (name.n == 0)
		return false;
	if (pattern->kind == RULE_NAME_EXACT)
		return str_eq(pattern->text, name);
	/* The first dot must be where the pattern begins, and not at the very front: exactly one label before it. */
	if (name.n <= pattern->text.n || memchr(name.p, '.', name.n - pattern->text.n))
		return false;
	return str_eq(pattern->text, str_skip(name, name.n - pattern->text.n));
}
