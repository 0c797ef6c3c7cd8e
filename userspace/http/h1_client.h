/* One connection to a server: dialing, busy with a request, or idle in a pool. */
#pragma once
#include "base/list.h"
#include "http/h1_stream.h"
#include "io/timer.h"

struct h1_client {
	struct h1_stream stream;
	struct list link; /* in the pool while idle */
	struct deferred gone;
	struct timer timer; /* dial or idle deadline */
	void *owner;	    /* whoever is told: the request, or the pool cell while idle */
	void (*on_event)(struct h1_client *c);
	void *tls; /* struct cf_tls, owned by the connection; NULL: plain, or not yet (tls room) */
	bool connected;
	bool reused; /* has carried a request before */
	uint32_t requests;
	void *target; /* struct target: which server (backend room) */
};

/* Starts a non-blocking connect. Returns 0 with ret set (connected == false until on_event) or -errno. */
struct endpoint;
int h1_client_dial(const struct endpoint *to, struct loop *loop, struct block_pool *pool, uint32_t max_head,
		   struct h1_client **ret);
int h1_client_check(struct h1_client *c);  /* after an event while dialing: 0 connected, -EAGAIN, -errno */
void h1_client_free(struct h1_client **c); /* closes; memory goes after the batch */
