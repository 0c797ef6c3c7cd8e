/* A configuration as the agent would have it in force, read without one: nothing listens, nothing is checked for
 * health.
 */
#pragma once
#include "conf/apply.h"
#include "kern/kern.h"

/* Called once; everything is valid during the call. The return value is handed on. */
typedef int offline_fn(void *ctx, const struct kern_conf *conf, const struct kern_service *services, size_t n,
		       struct err_list *errs);

/* The same about the whole: a->current is what would be in force. */
typedef int offline_inspect_fn(void *ctx, const struct apply *a, struct err_list *errs);

/* What fn returned, or -errno with errors added when the configuration cannot be used. */
int offline_visit(const char *path, offline_fn *fn, void *ctx, struct err_list *errs);
int offline_inspect(const char *path, offline_inspect_fn *fn, void *ctx, struct err_list *errs);
