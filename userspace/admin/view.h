/* What all API objects have in common: their configuration as JSON, name and provider, state of their servers. Control
 * thread. */
#pragma once
#include <jansson.h>
#include "conf/apply.h"

/* A struct as its option table prints it, secrets masked; new reference. An empty object when that is not possible. */
json_t *view_conf(const struct opt_table *table, const void *value);
/* The table of the maps below dynamic_table: view_table("http", "routers"). */
const struct opt_table *view_table(const char *section, const char *kind);
void view_set(json_t *o, const char *key,
	      const char *text); /* text NULL: nothing is set; what is not UTF-8 becomes "" */
/* "api@file": name, provider and status "enabled" (what does not validate is never in force). */
void view_identity(json_t *o, const char *qualified);
json_t *view_servers(const struct service *s); /* {"http://198.18.1.11:80": "UP"} */
/* priority as in force (0: length of the rule), and as text for readers whose numbers end at 2^53. */
void view_priority(json_t *o, int64_t configured, const char *rule);
/* Adds `user` to the list under `key`. */
void view_append(json_t *o, const char *key, const char *user);
/* RFC 3339 in UTC, or null for 0; new reference. */
json_t *view_time(uint64_t wall_ns);
