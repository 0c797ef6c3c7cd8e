/* A source of configuration. Providers emit trees and know no model. Control thread only. */
#pragma once
#include "base/err.h"
#include "base/tree.h"
#include "io/loop.h"
#include "model/conf_static.h"

/* One delivery: the whole current configuration of that provider. The receiver owns `arena` (malloc'ed; arena_reset +
 * free) and, through it, `root`. When errs holds errors, root is NULL and the previous delivery stays in force. */
struct provider_sink {
	void (*emit)(void *ctx, const char *provider, struct arena *arena, struct tree *root, struct err_list *errs);
	void *ctx;
};

/* What a provider is made from. The texts live as long as the process. */
struct provider_env {
	const struct providers_conf *conf;
	/* The file given with -c, and how its routing sections are got from its root (NULL when there are none, or with
	 * errors added). For the file provider, which follows it like its other files. */
	const char *main_path;
	struct tree *(*main_part)(void *ctx, struct arena *a, struct tree *root, struct err_list *errs);
	void *main_ctx;
};

struct provider_ops {
	const char *name;				 /* "file": the part after @ in qualified names */
	void *(*create)(const struct provider_env *env); /* NULL: the configuration does not ask for this provider */
	/* Delivers once before it returns (also when that delivery is an error), later from the loop. 0 or -errno. */
	int (*start)(void *self, struct loop *loop, const struct provider_sink *sink);
	void (*reload)(void *self); /* SIGHUP; may be NULL */
	void (*stop)(void *self);   /* frees self */
};
