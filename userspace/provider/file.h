/* The file provider: one YAML file or a directory of them, and the routing sections of the main file. It follows
 * changes by inotify on directories, because editors replace files instead of writing them. Control thread only. */
#pragma once
#include "provider/provider.h"

struct file_options {
	const char *filename;  /* NULL: none */
	const char *directory; /* NULL: none; wins over filename */
	bool watch;
	/* The file given with -c, watched and read again like the others; NULL: none. main_part gets its root and
	 * returns the routing sections (NULL when there are none, or with errors added); it may look at the rest for
	 * changes. */
	const char *main_path;
	struct tree *(*main_part)(void *ctx, struct arena *a, struct tree *root, struct err_list *errs);
	void *main_ctx;
};

extern const struct provider_ops file_provider; /* start() with loop NULL reads once and watches nothing */

/* The `self` for file_provider; the options are copied. Freed by file_provider.stop. */
void *file_new(const struct file_options *o);
