/* Dialing a server and ending the connection. */
#include "http/h1_client.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/addr.h"
#include "base/mem.h"
#include "io/sock.h"

static void on_ready(struct watch *w, uint32_t events)
{
	struct h1_client *c = container_of(w, struct h1_client, stream.conn.watch);
	conn_note(&c->stream.conn, events);
	c->on_event(c);
}

int h1_client_dial(const struct endpoint *to, struct loop *loop, struct block_pool *pool, uint32_t max_head,
		   struct h1_client **ret)
{
	int fd;
	int rc = sock_connect(to, &fd);
	if (rc < 0)
		return rc;
	struct h1_client *c = mem_zalloc(sizeof(*c));
	rc = h1_stream_open(&c->stream, pool, loop, fd, max_head, on_ready);
	if (rc < 0) {
		free(c);
		return rc;
	}
	list_init(&c->link);
	timer_init(&c->timer, NULL);
	*ret = c;
	return 0;
}

int h1_client_check(struct h1_client *c)
{
	int rc = sock_error(c->stream.conn.watch.fd);
	if (rc < 0)
		return rc;
	if (!c->stream.conn.writable)
		return -EAGAIN;
	c->connected = true;
	return 0;
}

static void client_gone(struct deferred *d)
{
	free(container_of(d, struct h1_client, gone));
}

void h1_client_free(struct h1_client **cp)
{
	struct h1_client *c = take_ptr(*cp);
	if (!c)
		return;
	struct loop *loop = c->stream.conn.loop;
	timer_cancel(&loop->wheel, &c->timer);
	list_remove(&c->link);
	h1_stream_close(&c->stream);
	loop_defer(loop, &c->gone, client_gone);
}
