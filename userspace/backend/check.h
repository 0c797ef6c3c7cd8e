/* Active health checks: one group per service, run on the control loop, writing target->up and its reason. */
#pragma once
#include "backend/service.h"
#include "io/loop.h"

enum check_kind { CHECK_TCP, CHECK_HTTP };

struct check_spec {
	enum check_kind kind;
	uint64_t interval_ns, unhealthy_interval_ns, timeout_ns;
	unsigned healthy_threshold, unhealthy_threshold; /* consecutive results; >= 1 */
	uint16_t port;					 /* 0: the server's */
	/* HTTP */
	bool scheme, secure;		      /* scheme: the server's own does not count, `secure` does */
	const char *method, *path, *hostname; /* hostname NULL: the server's host:port */
	int status;			      /* 0: 200..399 */
	const char *const *header_names, *const *header_values;
	size_t nheaders;
	/* TCP */
	const char *send, *expect; /* may be NULL */
};

/* Where one check goes, when not straight to the server's own address. */
struct check_way {
	struct endpoint to;
	struct addr from; /* to bind to */
	uint32_t mark;	  /* of the socket (SO_MARK, needs CAP_NET_ADMIN); 0: none */
	int hops;	  /* its packets may make; 0: the host's default */
};
/* Asked on the control thread before each check. False: straight to the server. */
typedef bool (*check_way_fn)(void *ctx, struct service *s, struct target *t, struct check_way *ret);
/* Called on the control thread after target->up, reason and changed_wall_ns were stored. */
typedef void (*check_changed_fn)(void *ctx, struct service *s, struct target *t, bool up, enum target_reason why);

struct check_group;
/* Copies spec. way may be NULL. The first check of each target runs within min(interval, 1 s), spread; then every
 * interval. A target that several groups check is up only when all say so? No: a target belongs to one service, so one
 * group. */
struct check_group *check_start(struct loop *loop, struct service *s, const struct check_spec *spec,
				check_changed_fn changed, check_way_fn way, void *ctx);
void check_stop(struct check_group **g);
