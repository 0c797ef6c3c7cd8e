/* YAML: a tree or errors, never both or neither, and every node knows its place. */
#include <stdint.h>
#include <stdlib.h>
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct tree *t, unsigned depth)
{
	if (!t || depth > 70 || t->at.line < 0 || t->at.col < 0)
		abort();
	if (t->kind == TREE_SCALAR && t->text.p[t->text.n] != '\0')
		abort();
	/* Aliases share their nodes, so a walk of all would be as long as what they stand for. */
	for (size_t i = 0; (t->kind == TREE_MAP || t->kind == TREE_LIST) && i < t->n && i < 4; i++)
		if (depth < 12)
			check_tree(t->pairs[i].value, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct err_list errs;
	arena_init(&a);
	err_init(&errs);
	struct tree *t = yaml_parse(&a, "f.yml", str_mk((const char *)data, size), &errs);
	if (!t != (errs.errors > 0))
		abort();
	if (t)
		check_tree(t, 0);
	err_free(&errs);
	arena_reset(&a);
	return 0;
}
