/* TCP and UDP routers and services in force, in Traefik's shapes: objects from qualified name to what is known, new
 * references. Control thread. */
#pragma once
#include "admin/view.h"

json_t *api_tcp_routers(const struct apply *a);
json_t *api_tcp_services(const struct apply *a);
json_t *api_udp_routers(const struct apply *a);
json_t *api_udp_services(const struct apply *a);
