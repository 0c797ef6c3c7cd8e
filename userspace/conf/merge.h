/* Combines what the providers deliver into one routing configuration whose names are qualified: name@provider. Keeping
 * the deliveries and choosing the moment is conf/apply's. */
#pragma once
#include "base/tree.h"
#include "model/conf_dynamic.h"

/* Adds a provider's tree to `root` (a TREE_MAP made by the caller), each name under http, tcp and udp with @provider.
 * The result shares values with `delivered`, which must live as long. A name that holds an @ or is empty is an error. 0
 * or -EINVAL. */
int merge_add(struct arena *a, struct tree *root, const char *provider, const struct tree *delivered,
	      struct err_list *errs);
/* Takes @provider off every name and reference of that provider, so that the configuration prints as it is written. */
void merge_unqualify(struct dynamic_conf *conf, const char *provider);
