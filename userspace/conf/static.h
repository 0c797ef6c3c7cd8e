/* Start-up options: reads the file given with -c, fills in what is implied, and checks what one section says about
 * another. */
#pragma once
#include "model/conf_static.h"

/* Reads `path`. All problems are added to errs, warnings too; `ret` and *ret_dynamic_part are written only on success
 * (0), and live in `a`. *ret_dynamic_part holds just the http, tcp, udp and tls sections of the file; NULL when it has
 * none. -EINVAL when an error was added. */
int static_load(const char *path, struct arena *a, struct static_conf *ret, struct tree **ret_dynamic_part,
		struct err_list *errs);
/* The same from a tree that was read already. */
int static_decode(const struct tree *root, struct arena *a, struct static_conf *ret, struct err_list *errs);
/* The http, tcp, udp and tls sections of a root, as a new root; NULL when there are none. */
struct tree *static_dynamic_part(struct arena *a, const struct tree *root);
