/* Health check options of a service as the checker takes them. */
#pragma once
#include "backend/check.h"
#include "conf/apply.h"
#include "model/conf_dynamic.h"

/* `name` is the live service's: "api@file", or "db@file/tcp" in the kernel tier. Texts live as long as conf and `a`.
 * False when the service has no health check. */
bool health_spec(const struct dynamic_conf *conf, const char *name, struct check_spec *ret, struct arena *a);
/* The way that packets take to a server of the kernel tier, which its check should take, too; with several entry points
 * that of the first. False: straight to the server's own address, and why is logged once if there is something to be
 * done about it. */
bool health_way(struct apply *a, const struct service *s, struct target *t, struct check_way *ret);
