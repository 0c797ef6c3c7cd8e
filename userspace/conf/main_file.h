/* The file given with -c while the agent runs: its routing sections are followed like any other file's, changes of its
 * start-up options are reported as needing a restart. */
#pragma once
#include "conf/static.h"

struct main_file {
	const struct static_conf *running;
};

void main_file_init(struct main_file *m, const struct static_conf *running);
/* For file_options.main_part; ctx is the struct main_file. */
struct tree *main_file_part(void *ctx, struct arena *a, struct tree *root, struct err_list *errs);
