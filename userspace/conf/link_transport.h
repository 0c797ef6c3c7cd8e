/* serversTransports on their way into targets. */
#pragma once
#include "backend/transport.h"
#include "model/conf_dynamic.h"

/* The transports of one configuration by name; "" is the implied one. */
struct transports {
	struct transport **v; /* each referenced */
	size_t n;
};

/* `implied` is what the start-up options say. Those that did not change are taken from `before`, which may be NULL.
 * Free it also after a failure. 0 or -EINVAL. */
int transports_build(const struct opt_map *conf, const struct servers_transport_conf *implied,
		     const struct transports *before, struct transports *ret, struct err_list *errs);
struct transport *transports_find(const struct transports *t, const char *name); /* NULL: the implied one */
void transports_free(struct transports *t);
