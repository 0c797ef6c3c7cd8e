/* An entry point: a name, an address, and its listeners (one per worker, SO_REUSEPORT). Lives as long as the process.
 */
#pragma once
#include "base/addr.h"
#include "base/prefix.h"
#include "io/loop.h"
#include "model/conf_static.h"
#include "proxy/httpset.h"

struct worker;

/* How a TLS handshake ended: one row each. */
#define HANDSHAKE_RESULTS(X)            \
	X(HANDSHAKE_FULL, "full")       \
	X(HANDSHAKE_RESUMED, "resumed") \
	X(HANDSHAKE_FAILED, "failed")   \
	X(HANDSHAKE_TIMEOUT, "timeout") \
	X(HANDSHAKE_EVICTED, "evicted")
#define X(id, name) id,
enum handshake_result { HANDSHAKE_RESULTS(X) HANDSHAKE_RESULT_COUNT };
#undef X

struct entry {
	unsigned id; /* index into snapshot->entries */
	const char *name;
	const struct entry_conf *conf;
	struct endpoint at;
	uint16_t last_port; /* of a range, which only the kernel tier serves; 0: one port */
	bool udp;
	struct prefix_set trusted; /* forwardedHeaders.trustedIPs */
	struct prefix_set proxies; /* proxyProtocol.trustedIPs */
	uint8_t denied_escapes;	   /* set of enum uri_escape; http.encodedCharacters */
	struct httpset *metrics;   /* NULL when off or internal */
	struct metric_series *open_connections;
	struct metric_series *handshakes[HANDSHAKE_RESULT_COUNT]; /* NULL when off */
	bool listening;						  /* control thread's view */
	int *staged; /* open sockets that no worker has yet, one per worker; NULL: none */
};

/* One worker's listening socket. */
struct entry_listener {
	struct watch watch;
	struct entry *entry;
	struct worker *worker;
	struct list link; /* worker->listeners */
	bool paused;
	struct deferred gone;
};

/* Fills in where the entry is by what its configuration, checked already, says. */
void entry_place(struct entry *e);
/* Control thread: opens one socket per worker (all or none). 0 or -errno; ret_fds has room for nworkers. */
int entry_open(const struct entry *e, unsigned nworkers, int *ret_fds);
/* Worker thread. */
void entry_listen(struct worker *w, struct entry *e, int fd); /* takes fd */
void entry_unlisten(struct worker *w, struct entry *e);	      /* NULL: all */
void entry_gate(struct worker *w, bool open);		      /* whether connections are accepted at all */
void entry_resume(struct worker *w);			      /* after connections ended below the limit */
