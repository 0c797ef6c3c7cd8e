/* A connection as a stack of filters: the bottom one is the socket, those above transform (TLS) or observe (limits,
 * PROXY protocol). Callers talk to the top. Owned by one loop; not thread-safe.
 *
 * Readiness is edge-triggered and sticky: `readable` and `writable` stay true until a call says EAGAIN or comes up
 * short, so that nobody asks the kernel a question whose answer is known. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/addr.h"
#include "io/loop.h"

struct conn;
struct cf;

/* Every function of a filter may be NULL: the call then passes to the next one below. */
struct cf_ops {
	const char *name;
	ssize_t (*recv)(struct cf *f, struct conn *c, void *p, size_t n); /* > 0, 0 at the end, -EAGAIN, -errno */
	ssize_t (*writev)(struct cf *f, struct conn *c, const struct iovec *iov,
			  int niov);		       /* >= 0 (may be short), -EAGAIN, -errno */
	int (*shutdown)(struct cf *f, struct conn *c); /* no more writes from us */
	int (*probe)(struct cf *f, struct conn *c);    /* as conn_probe() */
	void (*close)(struct cf *f, struct conn *c);
};

struct cf {
	const struct cf_ops *ops;
	struct cf *next; /* below; NULL at the bottom */
};

struct conn {
	struct watch watch; /* its ready callback is the owner's */
	struct loop *loop;
	struct cf *top;
	struct cf bottom;			 /* cf_sock */
	bool readable, writable, hangup, failed; /* hangup: peer sent FIN; failed: reset or socket error */
	bool sock_readable; /* of the socket alone; `readable` also counts what a filter still holds */
	bool unsent;	    /* a filter holds bytes that the socket did not take; writing nothing (niov 0) sends them */
	bool aborted;	    /* being reset: filters say no goodbye */
};

/* Takes fd (also on failure, when it is closed) and registers it once for all events. `ready` gets the raw events after
 * conn_note() has been called by it. 0 or -errno. */
int conn_open(struct conn *c, struct loop *loop, int fd, void (*ready)(struct watch *w, uint32_t events));
void conn_note(struct conn *c, uint32_t events); /* raw epoll events into the flags above */
/* Filters: on top of the stack, and out of it wherever it is; memory is the filter's own. */
void conn_push(struct conn *c, struct cf *f);
void conn_remove(struct conn *c, struct cf *f);
ssize_t conn_recv_at(struct cf *f, struct conn *c, void *p, size_t n); /* f and what is below it */
static inline ssize_t conn_recv_below(struct cf *f, struct conn *c, void *p, size_t n)
{
	return conn_recv_at(f->next, c, p, n);
}
ssize_t conn_writev_below(struct cf *f, struct conn *c, const struct iovec *iov, int niov);
int conn_shutdown_below(struct cf *f, struct conn *c);
ssize_t conn_recv(struct conn *c, void *p, size_t n);
ssize_t conn_writev(struct conn *c, const struct iovec *iov, int niov);
int conn_shutdown(struct conn *c);
/* Whether there is something to receive, without taking it: 1, 0, or negative when the peer ended the connection. */
int conn_probe(struct conn *c);
void conn_close(struct conn *c); /* harmless twice */
void conn_reset(struct conn *c); /* close with RST: the peer must not take what it got for complete */
static inline bool conn_is_open(const struct conn *c)
{
	return c->watch.fd >= 0;
}
