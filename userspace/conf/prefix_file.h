/* Lists of address prefixes from the configuration and from files: one prefix or address per line, blank lines and what
 * follows a # left out. Files are read at the start and at a reload, not watched. */
#pragma once
#include "base/err.h"
#include "base/prefix.h"
#include "model/conf_static.h"

#define PREFIX_FILE_MAX 1000000 /* prefixes in one file */

/* Appends the file's prefixes to `to`, in its order, unsorted. Every broken line is an error (beyond 20 only their
 * number is told); the file itself is reported at `at`. key: the option that names it. 0, or -EINVAL if it added an
 * error; `to` may then hold some. */
int prefix_file_read(const char *path, struct place at, const char *key, struct prefix_set *to, struct err_list *errs);

/* Everything that kernel.protection says about prefixes. Unsorted sets: plain lists. */
struct prefix_lists {
	struct prefix_set allow, deny;
};

/* The inline prefixes were checked when they were decoded. An allow file without a prefix is an error: it would shut
 * everybody out. 0 with *ret written, which the caller frees; or -EINVAL with errors added. */
int prefix_lists_load(const struct protection_conf *c, struct prefix_lists *ret, struct err_list *errs);
void prefix_lists_free(struct prefix_lists *l);
