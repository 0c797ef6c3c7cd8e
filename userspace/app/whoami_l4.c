/* The demo backend's TCP and UDP faces: say a name, then send back what came. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/whoami.h"
#include "base/mem.h"

#define ECHO_BUFFER 16384

/* Bytes wait in buf[from..to) until the client takes them; nothing is read meanwhile, which is all the backpressure
 * there is. */
struct echo {
	struct watch watch;
	struct deferred gone;
	struct whoami *who;
	size_t from, to;
	char buf[ECHO_BUFFER];
};

static void echo_free(struct deferred *d)
{
	free(container_of(d, struct echo, gone));
}

static void echo_close(struct echo *e)
{
	int fd = e->watch.fd;

	loop_del(&e->who->loop, &e->watch);
	close(fd);
	e->who->connections--;
	loop_defer(&e->who->loop, &e->gone, echo_free);
}

/* 1: buffer empty, 0: the client is slow, -errno: over. */
static int echo_flush(struct echo *e)
{
	while (e->from < e->to) {
		ssize_t n = send(e->watch.fd, e->buf + e->from, e->to - e->from, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		e->from += (size_t)n;
	}
	e->from = e->to = 0;
	return 1;
}

static void echo_ready(struct watch *w, uint32_t events)
{
	struct echo *e = container_of(w, struct echo, watch);
	int r;

	(void)events;
	while ((r = echo_flush(e)) > 0) {
		ssize_t n = recv(w->fd, e->buf, sizeof(e->buf), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			r = -1;
			break;
		}
		e->to = (size_t)n;
	}
	if (r < 0)
		echo_close(e);
}

void whoami_tcp_accepted(struct whoami *who, int fd)
{
	struct echo *e = mem_alloc(sizeof(*e));
	char local[ENDPOINT_TEXT_MAX];
	int n;

	e->watch = (struct watch){ .fd = -1, .ready = echo_ready };
	e->who = who;
	e->from = 0;
	whoami_endpoint_text(fd, false, local);
	n = snprintf(e->buf, sizeof(e->buf), "%.1024s %s\n", who->name, local);
	e->to = (size_t)n;
	if (loop_add(&who->loop, &e->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0) {
		close(fd);
		free(e);
		return;
	}
	who->connections++;
	echo_ready(&e->watch, 0);
}

void whoami_udp_ready(struct watch *w, uint32_t events)
{
	struct whoami_port *p = container_of(w, struct whoami_port, watch);
	char buf[1100 + 65536];
	int head = snprintf(buf, sizeof(buf), "%.1024s ", p->who->name);

	(void)events;
	for (int i = 0; i < 64; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(w->fd, buf + head, sizeof(buf) - (size_t)head, 0, (struct sockaddr *)&from, &len);

		if (n < 0)
			return;
		/* A lost answer is what UDP clients expect to live with. */
		(void)!sendto(w->fd, buf, (size_t)head + (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&from, len);
	}
}
