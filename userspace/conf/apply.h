/* The configuration in force and the way a new one gets there: merge -> decode -> link -> stage -> kernel -> publish.
 * Any failure before publish discards the candidate; what was serving goes on serving, and last_errors says why.
 * Control thread only. */
#pragma once
#include "conf/cert_watch.h"
#include "conf/delivery.h"
#include "conf/link_transport.h"
#include "kern/kern.h"
#include "model/conf_dynamic.h"
#include "model/conf_static.h"
#include "provider/provider.h"
#include "proxy/worker.h"
#include "tls/ticket.h"

/* A kernel-tier service in force: one TCP or UDP router's VIP. */
struct l4_binding {
	const char *router; /* "db@file" */
	const char *entry;  /* "db" */
	enum kern_proto proto;
	struct endpoint vip;
	uint16_t last_port; /* of a range of ports; 0: one port */
	struct service
		*service; /* targets and their health; never picked from in user space. Its name is "db@file/tcp" */
	const uint32_t *weights; /* [service->ntargets] */
	const struct l4_lb_conf *lb;
	bool told; /* that checks of its servers cannot go the way of its packets */
};

/* One validated configuration: the plain data and what was built from it. */
struct revision {
	struct arena arena;	   /* conf and names */
	struct dynamic_conf conf;  /* qualified names ("api@file") */
	struct snapshot *snapshot; /* one reference */
	struct transports transports;
	struct l4_binding *l4;
	size_t nl4;
};

struct apply {
	struct loop *loop; /* control loop */
	struct engine *engine;
	const struct static_conf *conf;
	struct kern *kern;
	const struct internal_service *const *internals; /* ends with NULL */
	struct inbox inbox;				 /* what the providers delivered */
	struct revision *current;			 /* NULL before the first success */
	struct err_list last_errors; /* of the newest attempt; empty when it succeeded (warnings stay) */
	bool last_ok;
	uint64_t generation, attempts, last_attempt_wall_ns, last_success_wall_ns;
	struct metric_series *reloads, *last_success;
	struct ticket_ring *tickets; /* for as long as there are workers */
	struct timer ticket_turn;    /* the next key */
	struct cert_watch certs;
	struct keypair *self_made; /* the default certificate when none is configured; NULL until it is needed */
	struct timer resync;	   /* pushes health to the kernel tier, coalesced */
};

void apply_init(struct apply *a); /* loop, engine, conf, kern, internals are set by the caller */
/* Decodes and checks what was delivered, logging every error; takes nothing over. 0 or -EINVAL. */
int apply_validate(struct apply *a);
/* Hands fn the kernel tier's services of what was delivered, every server up, and takes nothing over: for commands that
 * work without an agent. While fn runs, a->current is what would be in force. 0 or -EINVAL with errors added. */
int apply_plan(struct apply *a, void (*fn)(void *ctx, const struct kern_service *services, size_t n), void *ctx,
	       struct err_list *errs);
/* What the kernel tier knows it as, without its backends. Borrows. */
struct kern_service apply_kern_service(const struct apply *a, const struct l4_binding *b);
void apply_free(struct apply *a); /* after the workers have stopped */
