/* Who owns which service and backend id. Pure: a copy of the two pinned arrays that remember it, so ids keep their
 * owner across restarts and a retired owner that comes back finds its id, counters and flows again. Reuse rule: an id
 * never used first; else the one retired longest ago. A new owner raises the backend's generation, so flows left by an
 * earlier owner match nothing. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "lb/backend.h"
#include "lb/service.h"

struct table {
	struct lb_service *services;
	struct lb_backend *backends;
	uint32_t nservices, nbackends;
};

void table_init(struct table *t, uint32_t nservices, uint32_t nbackends);
void table_free(struct table *t);
void table_copy(struct table *to, const struct table *from); /* to is uninitialised */

/* The id of this service or backend, found or given, active from now on. -ENOSPC: all ids belong to active owners.
 * ret_new: a new owner, whose counters begin at zero. */
int table_take_service(struct table *t, const char *name, const struct lb_vip_key *vip, bool *ret_new);
int table_take_backend(struct table *t, uint32_t service, const struct endpoint *at, uint8_t mode, bool *ret_new);
/* Our address on the way to b. Flows that began with the one before keep that; those with an older one are lost. */
void table_set_source(struct lb_backend *b, const struct lb_addr *source);
/* Marks as retired; the record stays. now_ns: CLOCK_BOOTTIME, not 0. */
void table_retire_service(struct table *t, uint32_t id, uint64_t now_ns);
void table_retire_backend(struct table *t, uint32_t id, uint64_t now_ns);

static inline bool table_backend_active(const struct lb_backend *b)
{
	return b->flags & LB_BACKEND_USED && !b->retired;
}

/* In words: "up", "down", "retired"; "snat", "dnat", ...; "track affinity". */
#define TABLE_RULES_MAX 64
const char *table_state(const struct lb_backend *b);
const char *table_mode(const struct lb_backend *b);
void table_rules(uint32_t rules, char out[TABLE_RULES_MAX]);

struct lb_addr table_addr(const struct addr *a);
/* last: last port of a range; 0: only the endpoint's own. */
struct lb_vip_key table_vip(const struct endpoint *at, uint16_t last, uint8_t proto);
struct endpoint table_endpoint(const struct lb_backend *b);
