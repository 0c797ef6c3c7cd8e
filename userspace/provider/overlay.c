/* Merging of trees from several files or objects, for providers whose source is in pieces. */
#include "provider/overlay.h"
#include "base/map.h"
#include "base/mem.h"

#define NAME_LEVEL 2 /* http (0) . routers (1) . <name> (2) */

static struct tree_pair *find_key(struct tree *t, struct str key)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_ieq(t->pairs[i].key, key))
			return &t->pairs[i];
	return NULL;
}

static void warn_duplicate(struct arena *a, const char *key, const struct tree_pair *p, const struct tree_pair *first,
			   struct err_list *errs)
{
	err_warn(errs, p->key_at, arena_printf(a, "%s.%s", key, p->key.p),
		 "already defined at %s:%d:%d; this definition is ignored", first->key_at.file, first->key_at.line,
		 first->key_at.col);
}

/* Many names: looked up by hash, so that a thousand files cost no square. */
static void add_names(struct arena *a, const char *key, struct tree *dst, const struct tree *src, struct err_list *errs)
{
	_cleanup_(map_free) struct map seen;

	map_init(&seen);
	for (size_t i = 0; i < dst->n; i++)
		map_set(&seen, dst->pairs[i].key, (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < src->n; i++) {
		const struct tree_pair *p = &src->pairs[i];
		size_t first = (size_t)(uintptr_t)map_get(&seen, p->key);

		if (first) {
			warn_duplicate(a, key, p, &dst->pairs[first - 1], errs);
			continue;
		}
		tree_add(a, dst, p->key, p->key_at, p->value);
		map_set(&seen, p->key, (void *)(uintptr_t)dst->n);
	}
}

static void add_sections(struct arena *a, int level, const char *key, struct tree *dst, const struct tree *src,
			 struct err_list *errs);

/* tls.certificates: all of them count, whoever names them. */
static void add_items(struct arena *a, struct tree *dst, const struct tree *src)
{
	for (size_t i = 0; i < src->n; i++)
		tree_add(a, dst, (struct str){ 0 }, src->pairs[i].value->at, src->pairs[i].value);
}

static void add_list(struct arena *a, const char *path, struct tree *dst, struct tree_pair *have,
		     const struct tree_pair *p, struct err_list *errs)
{
	if (!have) {
		tree_add(a, dst, p->key, p->key_at, tree_new(a, TREE_LIST, p->value->at));
		have = &dst->pairs[dst->n - 1];
	}
	if (have->value->kind == TREE_LIST)
		add_items(a, have->value, p->value);
	else
		err_add(errs, p->value->at, path, "expected %s; found a list", tree_kind_name(have->value));
}

static void add_section(struct arena *a, int level, const char *key, struct tree *dst, const struct tree_pair *p,
			struct err_list *errs)
{
	struct tree_pair *have = find_key(dst, p->key);
	const char *path = *key ? arena_printf(a, "%s.%s", key, p->key.p) : p->key.p;

	if (p->value->kind == TREE_NULL)
		return;
	if (p->value->kind == TREE_LIST && level + 1 == NAME_LEVEL) {
		add_list(a, path, dst, have, p, errs);
		return;
	}
	if (p->value->kind != TREE_MAP) {
		if (!have) /* whoever decodes knows what was expected */
			tree_add(a, dst, p->key, p->key_at, p->value);
		else
			err_add(errs, p->value->at, path, "expected a mapping; found %s", tree_kind_name(p->value));
		return;
	}
	if (!have) {
		tree_add(a, dst, p->key, p->key_at, tree_new(a, TREE_MAP, p->value->at));
		have = &dst->pairs[dst->n - 1];
	}
	if (have->value->kind != TREE_MAP)
		return;
	if (level + 1 == NAME_LEVEL)
		add_names(a, path, have->value, p->value, errs);
	else
		add_sections(a, level + 1, path, have->value, p->value, errs);
}

static void add_sections(struct arena *a, int level, const char *key, struct tree *dst, const struct tree *src,
			 struct err_list *errs)
{
	for (size_t i = 0; i < src->n; i++)
		add_section(a, level, key, dst, &src->pairs[i], errs);
}

void overlay_add(struct arena *a, struct tree *dst, const struct tree *src, struct err_list *errs)
{
	if (src->kind == TREE_MAP)
		add_sections(a, 0, "", dst, src, errs);
	else if (src->kind != TREE_NULL)
		err_add(errs, src->at, NULL, "expected a mapping; found %s", tree_kind_name(src));
}
