/* Health check options of a service as the checker takes them. */
#pragma once
#include "backend/check.h"
#include "model/conf_dynamic.h"

/* `name` is the live service's: "api@file", or "db@file/tcp" in the kernel tier. Texts live as long as conf and `a`.
 * False when the service has no health check. */
bool health_spec(const struct dynamic_conf *conf, const char *name, struct check_spec *ret, struct arena *a);
