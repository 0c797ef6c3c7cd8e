/* HTTP routers, services and middlewares in force, in Traefik's shapes. Each returns one object from qualified name to
 * what is known of it, as a new reference. Control thread. */
#pragma once
#include "admin/view.h"

json_t *api_http_routers(const struct apply *a); /* the ones sluice makes for itself included */
json_t *api_http_services(const struct apply *a);
json_t *api_http_middlewares(const struct apply *a);
