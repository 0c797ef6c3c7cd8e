/* A source of configuration. Providers emit trees and know no model. Control thread only. */
#pragma once
#include "base/err.h"
#include "base/tree.h"
#include "io/loop.h"

/* One delivery: the whole current configuration of that provider. The receiver owns `arena` (malloc'ed; arena_reset +
 * free) and, through it, `root`. When errs holds errors, root is NULL and the previous delivery stays in force. */
struct provider_sink {
	void (*emit)(void *ctx, const char *provider, struct arena *arena, struct tree *root, struct err_list *errs);
	void *ctx;
};

struct provider_ops {
	const char *name; /* "file": the part after @ in qualified names */
	/* Delivers once before it returns (also when that delivery is an error), later from the loop. 0 or -errno. */
	int (*start)(void *self, struct loop *loop, const struct provider_sink *sink);
	void (*reload)(void *self); /* SIGHUP; may be NULL */
	void (*stop)(void *self);   /* frees self */
};
