/* Puts several configuration trees on top of each other: sections are merged key by key, of a name that two trees
 * define the first definition stays. */
#pragma once
#include "base/tree.h"

/* Adds src's pairs to dst (a TREE_MAP that the caller made; src is not changed, its values are shared). Keys of
 * sections are compared without case, names exactly. A name that dst already has is left out with a warning that names
 * both places; a section that is no mapping is an error. */
void overlay_add(struct arena *a, struct tree *dst, const struct tree *src, struct err_list *errs);
