/* Idle connections per target and worker, last in first out. Liveness is by events: a pooled connection that becomes
 * readable or hangs up is closed there and then. Worker thread only. */
#pragma once
#include "backend/target.h"
#include "http/h1_client.h"

struct pool_limits {
	unsigned max_idle; /* per worker and target */
	int64_t idle_ns;   /* 0: no limit */
};

struct h1_client *pool_take(struct target *t, unsigned worker); /* NULL when none is idle */
/* Keeps the connection for later; closes it when the pool is full or the target retired. Takes c. */
void pool_give(struct target *t, unsigned worker, struct h1_client *c, const struct pool_limits *limits);
void pool_drain(struct target *t, unsigned worker); /* closes all idle ones */
