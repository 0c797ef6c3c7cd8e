/* Live state of one server, shared by every service and snapshot that names it: health, load, idle connections.
 * Reference-counted; `up` and `in_flight` are shared by all threads, a pool cell belongs to its worker. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include "base/addr.h"
#include "base/list.h"
#include "backend/transport.h"
#include "base/metric.h"

/* Why a server is in its state; the text is what log, API and metrics say. */
#define TARGET_REASONS(X)                                            \
	X(TARGET_INITIAL, "not checked yet")                         \
	X(TARGET_CHECK_OK, "health check passed")                    \
	X(TARGET_CONNECT_REFUSED, "connection refused")              \
	X(TARGET_CONNECT_TIMEOUT, "connect timed out")               \
	X(TARGET_CONNECT_FAILED, "connect failed")                   \
	X(TARGET_ANSWER_TIMEOUT, "no answer in time")                \
	X(TARGET_CLOSED_EARLY, "connection closed before an answer") \
	X(TARGET_BAD_ANSWER, "answer is not valid HTTP")             \
	X(TARGET_BAD_STATUS, "unexpected status")                    \
	X(TARGET_TLS_FAILED, "TLS handshake failed")                 \
	X(TARGET_TLS_REFUSED, "certificate refused")                 \
	X(TARGET_UNEXPECTED_DATA, "answer is not what was expected")

#define X(id, text) id,
enum target_reason { TARGET_REASONS(X) };
#undef X
#define TARGET_REASON_MAX 192

struct target_cell {	  /* one worker's idle connections, most recently used first */
	struct list idle; /* struct h1_client.link */
	unsigned nidle;
	SSL_SESSION *session; /* of the newest TLS connection, to resume; NULL: none */
	atomic_uint nwaiting; /* written by its worker */
} __attribute__((aligned(64)));

struct target {
	atomic_uint refs;
	char *name;	 /* as configured: "http://198.18.1.11:80" or "198.18.1.11:5432" */
	char *host;	 /* without port and brackets */
	char *authority; /* host:port for Host when it is not passed through */
	struct endpoint at;
	char *via; /* how its check goes when not straight to `at`, "VIP through ipip to ..."; or NULL. Control thread
		    */
	bool secure;		     /* https */
	struct transport *transport; /* NULL: kernel tier */
	atomic_bool up;
	atomic_bool retired; /* in no current snapshot: connections are not kept */
	atomic_uint in_flight;
	atomic_uint busy;    /* requests that hold a slot; counted only where a service bounds them */
	atomic_uint waiting; /* requests in queues for one, over all workers */
	_Atomic int reason;  /* enum target_reason */
	_Atomic uint64_t changed_wall_ns;
	struct metric_series *up_series; /* traefik_service_server_up; may be NULL */
	unsigned ncells;
	struct target_cell cells[];
};

struct target *target_new(const char *name, const struct endpoint *at, struct transport *transport,
			  unsigned workers); /* up, one reference; transport: referenced, may be NULL */
struct target *target_ref(struct target *t);
void target_unref(
	struct target **t); /* any thread; pools must be empty by then (workers empty theirs when it is retired) */
/* Replaces it; NULL: straight. Control thread. */
void target_set_via(struct target *t, const char *via);
/* A reason, and where the check that gave it had gone. Control thread. */
void target_explain(const struct target *t, enum target_reason r, char out[TARGET_REASON_MAX]);
