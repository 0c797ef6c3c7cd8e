/* The routers nobody writes: how ping, the metrics and the API are reached when their sections do not say
 * manualRouting. */
#pragma once
#include "model/conf_static.h"

#define INTERNAL_ROUTES_MAX 3

struct internal_route {
	const char *name;    /* "ping@internal" */
	const char *entry;   /* entry point; text of the configuration */
	char rule[1100];     /* in the rule language */
	int64_t priority;    /* above everything a person writes */
	const char *service; /* name of a struct internal_service */
};

/* Fills ret with at most `max` routes and returns how many. Pure. */
size_t internal_routes(const struct static_conf *conf, struct internal_route ret[], size_t max);
