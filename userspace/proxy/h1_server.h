/* One client connection: reads heads, hands each to the request state machine, and goes on or ends after it.
 * Holds no buffer while idle. */
#pragma once
#include "proxy/req.h"

enum h1_server_state {
	SERVER_READING,
	SERVER_BUSY,
	SERVER_LINGERING,
	SERVER_OPENING,	  /* nothing has come yet, and it may be TLS */
	SERVER_HANDSHAKE, /* tls_front.c has it */
};

struct h1_server {
	struct h1_stream stream;
	struct list link; /* worker->clients */
	struct worker *worker;
	struct entry *entry;
	struct req *req;		    /* while BUSY */
	struct cf_tls *tls;		    /* NULL: plain. The connection owns it */
	struct list handshake;		    /* worker->handshakes, */
	struct snapshot_pin *handshake_pin; /* while HANDSHAKE */
	struct timer timer;
	struct deferred gone;
	uint64_t opened_ns, head_ns; /* head_ns: first byte of the current head */
	uint32_t requests, lingered;
	uint8_t state;
	bool in_read;
	uint8_t peer_len;
	struct endpoint peer;
	char peer_text[ADDR_TEXT_MAX];
};

void h1_server_accept(struct worker *w, struct entry *e, int fd, const struct endpoint *peer); /* takes fd */
void h1_server_start(struct h1_server *s); /* the first head may come now, or is there already */
void h1_server_close(struct h1_server *s); /* at once; harmless twice */
/* The request is over: reads the next one, or closes (lingering while the client may still be sending). */
void h1_server_next(struct h1_server *s, bool keep);
void h1_server_arm(struct h1_server *s);	    /* a new limit of the current request may come before all others */
void h1_server_abort(struct h1_server *s);	    /* reset: what was sent must not pass for a whole response */
bool h1_server_may_keep(const struct h1_server *s); /* keep-alive limits and draining allow another request */
void h1_server_drain(struct h1_server *s);	    /* close now if idle, else after the current request */
