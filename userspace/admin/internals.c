/* The list, and nothing else. */
#include "admin/internals.h"
#include "admin/api.h"
#include "admin/noop.h"
#include "admin/ping.h"
#include "admin/prometheus.h"

static struct internal_service ping = { .name = "ping@internal", .serve = ping_serve, .any_thread = true };
static struct internal_service prometheus = { .name = "prometheus@internal", .serve = prometheus_serve };
static struct internal_service api = { .name = "api@internal", .serve = api_serve };
static const struct internal_service noop = { .name = "noop@internal", .serve = noop_serve, .any_thread = true };

static const struct internal_service *const all[] = { &ping, &prometheus, &api, &noop, NULL };

const struct internal_service *const *admin_internals(struct apply *a)
{
	ping.ctx = prometheus.ctx = api.ctx = a;
	return all;
}
