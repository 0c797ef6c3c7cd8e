/* Generic configuration value with its place: what every provider emits and the option engine decodes.
 * Lives in an arena; immutable once built. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum tree_kind { TREE_NULL, TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
	enum tree_kind kind;
	bool quoted; /* scalar was written in quotes: never null */
	struct place at;
	struct str text;	 /* TREE_SCALAR, NUL-terminated */
	struct tree_pair *pairs; /* TREE_MAP in written order; TREE_LIST uses value only */
	size_t n, cap;
};

struct tree_pair {
	struct str key; /* NUL-terminated */
	struct place key_at;
	struct tree *value;
};

struct tree *tree_new(struct arena *a, enum tree_kind kind, struct place at);
struct tree *tree_scalar(struct arena *a, struct place at, struct str text); /* copies text */
/* Key and its place are ignored for lists. */
void tree_add(struct arena *a, struct tree *t, struct str key, struct place key_at, struct tree *value);
/* Case-insensitive; NULL if t is NULL, no map, or has no such key. */
struct tree *tree_get(const struct tree *t, const char *key);
const char *tree_kind_name(const struct tree *t); /* "a mapping", "a list", "a value", "nothing" */
