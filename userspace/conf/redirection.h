/* entryPoints.<name>.http.redirections: the router that nobody writes. */
#pragma once
#include "model/conf_static.h"
#include "proxy/snapshot.h"

/* Fills name, rule, priority and middleware of the entry point's redirection, in `a`. 0 or -EINVAL. */
int redirection_route(const struct static_conf *st, const char *entry, const struct entry_redirection_conf *conf,
		      struct arena *a, struct err_list *errs, struct route *rt);
