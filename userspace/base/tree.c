/* Building and reading generic configuration values. Arenas that carry trees have no limit, so nothing here fails. */
#include "base/tree.h"
#include <string.h>

static struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return str_mk(p, s.n);
}

struct tree *tree_new(struct arena *a, enum tree_kind kind, struct place at)
{
	struct tree *t = arena_zalloc(a, sizeof(*t));

	t->kind = kind;
	t->at = at;
	return t;
}

struct tree *tree_scalar(struct arena *a, struct place at, struct str text)
{
	struct tree *t = tree_new(a, TREE_SCALAR, at);

	t->text = arena_str(a, text);
	return t;
}

void tree_add(struct arena *a, struct tree *t, struct str key, struct place key_at, struct tree *value)
{
	struct tree_pair *pair;

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 4;
		struct tree_pair *grown = arena_alloc(a, cap * sizeof(*grown));

		if (t->n)
			memcpy(grown, t->pairs, t->n * sizeof(*grown));
		t->pairs = grown;
		t->cap = cap;
	}
	pair = &t->pairs[t->n++];
	*pair = (struct tree_pair){ .value = value };
	if (t->kind == TREE_MAP) {
		pair->key = arena_str(a, key);
		pair->key_at = key_at;
	}
}

struct tree *tree_get(const struct tree *t, const char *key)
{
	if (!t || t->kind != TREE_MAP)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		if (str_ieq(t->pairs[i].key, str_of(key)))
			return t->pairs[i].value;
	return NULL;
}

const char *tree_kind_name(const struct tree *t)
{
	if (!t)
		return "nothing";
	switch (t->kind) {
	case TREE_NULL:
		return "nothing";
	case TREE_SCALAR:
		return "a value";
	case TREE_LIST:
		return "a list";
	case TREE_MAP:
		return "a mapping";
	}
	return "nothing";
}
