/* A worker thread: its loop, memory, snapshot and connections. Everything in here belongs to that thread unless it says
 * otherwise. */
#pragma once
#include <pthread.h>
#include "http/date.h"
#include "http/head.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "net/block.h"
#include "proxy/entry.h"
#include "proxy/logger.h"
#include "proxy/overload.h"
#include "proxy/snapshot.h"

#define WORKER_MAX_LOGGERS 4

/* Shared by all workers, fixed before they start. */
struct engine {
	unsigned nworkers;
	struct worker *workers;
	struct entry *entries;
	size_t nentries;
	_Atomic(void *) current; /* struct snapshot *, published through base/epoch */
	struct mailbox *control; /* where internal services run and drained workers report */
	struct logger loggers[WORKER_MAX_LOGGERS];
	unsigned nloggers;
	bool log_internals;
	char hostname[256]; /* X-Forwarded-Server */
	unsigned max_connections;
	unsigned max_handshakes; /* per worker */
	atomic_uint connections;
	uint64_t max_queue_delay_ns; /* 0: no limit */
	unsigned max_blocks;	     /* in use, per worker; 0: no limit */
	_Atomic bool draining;
	struct stopping *stopping;	   /* while engine_stop() runs */
	struct metric_series *reasons[64]; /* sluice_request_failures_total by enum reason */
};

/* One worker's hold on one snapshot: requests count here without atomics; the last one lets go of the snapshot. */
struct snapshot_pin {
	struct snapshot *snap;
	unsigned users;
	bool current;
	struct list link;
};

struct worker {
	unsigned id;
	struct engine *engine;
	pthread_t thread;
	struct loop loop;
	struct mailbox box; /* any thread posts */
	struct block_pool blocks;
	struct snapshot_pin *pin; /* of the current snapshot */
	struct list clients;	  /* struct h1_server.link: all client connections */
	unsigned nclients;
	struct list handshakes; /* struct h1_server.handshake, the oldest first */
	unsigned nhandshakes;
	struct list listeners;
	struct list free_reqs;
	struct list waiting;	  /* struct req.waiting: for a slot at a server, oldest first */
	struct loop_hook refresh; /* looks for a new snapshot, tells epoch we are quiescent */
	struct overload overload;
	struct timer tick; /* once a second: flush loggers, give memory back */
	struct date_cache date;
	struct field fields[HEAD_MAX_FIELDS]; /* parser scratch */
	char scratch[72 * 1024];	      /* a head being serialised: largest head plus what we add */
	bool draining;
	void (*drained)(struct worker *w);
};

int engine_start(struct engine *e); /* spawns the workers; 0 or -errno. Control thread, like all engine_ functions */
void engine_publish(
	struct engine *e,
	struct snapshot *s); /* takes the caller's reference; waits until no worker can still take the old one */
int engine_stage(struct engine *e,
		 struct entry *en); /* opens the sockets: connections queue from now on; 0 or -errno */
void engine_unstage(struct engine *e, struct entry *en); /* closes them again */
void engine_listen(struct engine *e,
		   struct entry *en); /* hands what was staged to the workers, which must have a snapshot */
void engine_unlisten(struct engine *e, struct entry *en);
/* Stops accepting, lets requests finish until grace_ns, then ends the rest; joins the threads. Runs the control loop
 * meanwhile. */
void engine_stop(struct engine *e, struct loop *control, uint64_t accept_grace_ns, uint64_t grace_ns);

struct snapshot_pin *worker_pin(struct worker *w); /* counts one user of the current snapshot */
void worker_unpin(struct worker *w, struct snapshot_pin *p);
