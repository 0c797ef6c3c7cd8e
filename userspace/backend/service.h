/* A named set of servers: pick and account. Immutable in shape; its balancers (one per worker) and targets are live and
 * are carried over a reload when the service did not change. Reference-counted by snapshots. */
#pragma once
#include "backend/target.h"
#include "balance/balance.h"

/* What a server may take, and how much it is given. */
struct service_limits {
	int64_t dial_ns, response_head_ns, idle_ns; /* 0: no limit */
	unsigned max_idle;			    /* connections, per worker and target */
	unsigned max_connections;		    /* requests at a time per target, 0: no limit; */
	unsigned max_queue;			    /* others wait, at most so many per worker and target, */
	int64_t queue_ns;			    /* and so long */
};

struct service {
	atomic_uint refs;
	char *name; /* qualified: "api@file" */
	bool pass_host_header;
	struct service_limits limits;
	size_t ntargets;
	struct target **targets;
	struct balance_item *items; /* the same order */
	const struct balance_ops *policy;
	unsigned workers;
	void **balancers; /* [workers] */
	struct rng *rngs; /* [workers] */
	void *checks;	  /* struct check_group * while health checks run; control thread */
};

struct service_spec {
	const char *name;
	bool pass_host_header;
	struct service_limits limits;
	const struct balance_ops *policy; /* NULL: kernel services, which are never picked from here */
	struct target *const *targets;	  /* referenced, not taken */
	const uint32_t *weights;
	size_t ntargets;
	unsigned workers;
};

struct service *service_new(const struct service_spec *spec); /* one reference */
struct service *service_ref(struct service *s);
void service_unref(struct service **s); /* any thread */
/* On worker `w`: a usable target (in flight counted) or NULL. Pair with service_done(). */
struct target *service_pick(struct service *s, unsigned w, uint64_t key, int *ret_item);
void service_done(struct service *s, unsigned w, int item, uint64_t latency_ns, bool ok);
