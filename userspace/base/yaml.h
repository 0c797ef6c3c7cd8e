/* YAML 1.1 text (libyaml events) to tree. Anchors and aliases are followed with a bound on the total number of nodes;
 * duplicate keys, several documents, tags other than the core ones and nesting deeper than 64 are errors. */
#pragma once
#include "base/tree.h"

#define YAML_MAX_BYTES (16u << 20)
#define YAML_MAX_NODES (1u << 20)

/* Returns the root, or NULL with at least one error added. An empty document gives a TREE_MAP without pairs.
 * `file` is copied into the arena and used for every place. */
struct tree *yaml_parse(struct arena *a, const char *file, struct str text, struct err_list *errs);
struct tree *yaml_load(struct arena *a, const char *path, struct err_list *errs); /* reads the file, bounded */
