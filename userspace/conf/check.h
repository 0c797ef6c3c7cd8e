/* What one part of the routing configuration says about another: names, entry points, rules, the kernel tier's limits.
 */
#pragma once
#include "model/conf_dynamic.h"
#include "model/conf_static.h"

/* `conf` may be half decoded: what is missing was reported already. `t` is the tree it came from, for places. `a` takes
 * what lives for the call only. st NULL: entry points are not checked. */
void check_dynamic(const struct tree *t, const struct static_conf *st, const struct dynamic_conf *conf, struct arena *a,
		   struct err_list *errs);
