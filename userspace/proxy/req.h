/* One request from its head to its log line. Owned by its worker; lives in the worker's free list between requests. */
#pragma once
#include "base/arena.h"
#include "http/h1_client.h"
#include "http/head.h"
#include "net/block.h"
#include "proxy/reason.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "tls/cf_tls.h"

struct h1_server;

/* The steps of the request's life, each one function in http_fsm.c, in this order. */
#define REQ_STEPS(X)                               \
	X(REQ_ROUTE, step_route)                   \
	X(REQ_REQUEST_PHASE, step_request_phase)   \
	X(REQ_INTERNAL, step_internal)             \
	X(REQ_PICK, step_pick)                     \
	X(REQ_QUEUE, step_queue)                   \
	X(REQ_DIAL, step_dial)                     \
	X(REQ_SEND, step_send)                     \
	X(REQ_AWAIT, step_await)                   \
	X(REQ_RESPONSE_PHASE, step_response_phase) \
	X(REQ_RESPOND, step_respond)               \
	X(REQ_STREAM, step_stream)                 \
	X(REQ_TUNNEL, step_tunnel)                 \
	X(REQ_REPLY, step_reply)                   \
	X(REQ_DONE, step_done)

#define X(id, fn) id,
enum req_step { REQ_STEPS(X) };
#undef X

/* An answer we make ourselves (middleware, error, internal service). */
struct reply {
	int status;
	const char *content_type; /* static text; NULL: none */
	struct str body;	  /* static text or in the request's arena */
	struct field extra[4];	  /* more header fields */
	unsigned nextra;
	bool nosniff;
};

struct req {
	struct list link; /* worker->free_reqs */
	struct worker *worker;
	struct h1_server *down; /* client side; NULL when it is gone */
	struct h1_client *up;	/* server side; NULL between attempts */
	struct arena arena;	/* from the worker's blocks; reset at DONE */
	struct snapshot_pin *pin;
	const struct entry *entry;
	const struct route *route;
	const struct tls_facts *tls; /* of the client's connection; NULL: plain */

	struct endpoint peer;
	bool peer_trusted;
	struct head in; /* as received; fields in the arena */
	/* What goes to the server; middleware may change it. */
	struct str method, path, query, host; /* path still encoded, query without '?', host as received or replaced */
	struct field add[16];		      /* header fields to add or replace, by middleware */
	unsigned nadd;

	struct head out; /* the server's response head, or what reply made of it */
	struct reply reply;
	struct target *target;
	int item; /* index in the balancer, -1: none */

	enum req_step step;
	enum reason reason;
	uint8_t next_mw, seen_mws;
	unsigned attempts;
	bool waiting_mw;
	bool continued;		 /* the server said 100 Continue, and we to the client */
	uint8_t interims;	 /* 1xx answers so far */
	bool server_deaf;	 /* the server stopped taking the body */
	bool body_in_done;	 /* request body fully read from the client */
	bool body_sent_any;	 /* some of it left for the server: no retry */
	bool body_out_done;	 /* and fully written to the server */
	bool head_sent;		 /* response head went to the client */
	bool response_done;	 /* response body complete and flushed */
	bool replied;		 /* the answer is ours (reply), not the server's */
	bool keep_down, keep_up; /* connections may be used again */
	bool arm;		 /* a limit that may come before all others begins: file the timer at the next wait */
	bool slot;		 /* counted in target->busy */
	bool queued;		 /* waits for a slot; in worker->waiting */
	bool tunnel;		 /* the protocol changed: bytes both ways from here on */
	bool tunnel_in_over, tunnel_out_over; /* the client, the server has ended its half */
	void *job;			      /* internal service at work */

	uint64_t start_ns, up_start_ns, first_byte_ns, end_ns;
	uint64_t asked_ns; /* the request was with the server, whole */
	uint64_t queued_ns;
	struct list waiting;  /* worker->waiting */
	struct deferred turn; /* a slot was handed over */
	uint64_t moved_ns;    /* when bytes were last taken from or given to a side that we wait for */
	uint64_t request_bytes, response_bytes; /* body content */
	int status;				/* answered to the client */
	int origin_status;
	uint64_t origin_ns;
	uint64_t origin_bytes;
	unsigned long long number; /* on the client connection */
};

void req_run(struct req *r);		       /* goes on from r->step until it has to wait */
void req_fail(struct req *r, enum reason why); /* answer or end, by what was sent already; next step set */
/* Header field for the server, replacing all of that name; false when there is no room. Text must live as long as the
 * request. */
void phase_resume(struct req *r); /* a middleware that said MW_WAIT is ready */
bool req_set_header(struct req *r, struct str name, struct str value);
struct peer;
/* What the client's certificate says, in the request's arena; NULL: it showed none. */
const struct peer *req_client_certificate(struct req *r);
struct str req_header(const struct req *r, struct str name); /* as received; empty when absent */
