/* The PROXY protocol filter: reads into a buffer of its own until the header is whole, hands on what came behind it,
 * and leaves. */
#include "net/cf_proxyproto.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

struct proxyproto_filter {
	struct cf cf;
	void (*told)(struct conn *c, const struct proxyproto *h);
	bool over; /* what is left in the buffer is the connection's */
	uint32_t start, end;
	char buf[PROXYPROTO_MAX];
};

/* 0 once the header is over, -EAGAIN, -EPROTO, -errno; -EPIPE for a connection that ended before. */
static ssize_t read_header(struct proxyproto_filter *f, struct conn *c)
{
	struct proxyproto h;
	while (!f->over) {
		ssize_t n = conn_recv_below(&f->cf, c, f->buf + f->end, sizeof(f->buf) - f->end);
		if (n <= 0)
			return n == 0 ? -EPIPE : n;
		f->end += (uint32_t)n;
		int rc = proxyproto_parse(f->buf, f->end, &h);
		if (rc == -EAGAIN && f->end < sizeof(f->buf))
			continue;
		if (rc < 0)
			return -EPROTO;
		f->over = true;
		f->start = (uint32_t)rc;
		if (rc > 0 && h.known)
			f->told(c, &h);
	}
	return 0;
}

static void leave(struct proxyproto_filter *f, struct conn *c)
{
	conn_remove(c, &f->cf);
	free(f);
}

static ssize_t proxyproto_recv(struct cf *cf, struct conn *c, void *p, size_t n)
{
	struct proxyproto_filter *f = container_of(cf, struct proxyproto_filter, cf);
	ssize_t rc = read_header(f, c);
	if (rc < 0)
		return rc == -EPIPE ? 0 : rc;
	size_t left = f->end - f->start;
	if (left == 0) {
		struct cf *below = cf->next;
		leave(f, c);
		return conn_recv_at(below, c, p, n);
	}
	if (left > n)
		left = n;
	memcpy(p, f->buf + f->start, left);
	f->start += (uint32_t)left;
	c->readable = true; /* whatever the socket thinks: there may be more, here or there */
	if (f->start == f->end)
		leave(f, c);
	return (ssize_t)left;
}

static void proxyproto_close(struct cf *cf, struct conn *c)
{
	(void)c;
	free(container_of(cf, struct proxyproto_filter, cf));
}

static const struct cf_ops cf_proxyproto = {
	.name = "proxyproto",
	.recv = proxyproto_recv,
	.close = proxyproto_close,
};

void cf_proxyproto_push(struct conn *c, void (*told)(struct conn *c, const struct proxyproto *h))
{
	struct proxyproto_filter *f = mem_alloc(sizeof(*f));
	f->cf = (struct cf){ .ops = &cf_proxyproto };
	f->told = told;
	f->over = false;
	f->start = f->end = 0;
	conn_push(c, &f->cf);
}
