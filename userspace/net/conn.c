/* The filter chain's walk and its bottom filter, the plain socket. */
#include "net/conn.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t sock_recv(struct cf *f, struct conn *c, void *p, size_t n)
{
	(void)f;
	ssize_t got = recv(c->watch.fd, p, n, 0);
	if (got < 0) {
		if (errno == EAGAIN || errno == EINTR)
			c->readable = c->sock_readable = false;
		return errno == EINTR ? -EAGAIN : -errno;
	}
	/* A short read has emptied the socket; the next edge will tell (epoll(7)). After a FIN there is none: keep
	 * asking. */
	if ((size_t)got < n && !c->hangup)
		c->readable = c->sock_readable = false;
	return got;
}

static ssize_t sock_writev(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	(void)f;
	size_t want = 0;
	for (int i = 0; i < niov; i++)
		want += iov[i].iov_len;
	/* send() saves the kernel the import of a message header: a request without a body is one buffer. */
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)niov };
	ssize_t sent = niov == 1 ? send(c->watch.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
				 : sendmsg(c->watch.fd, &m, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno == EAGAIN || errno == EINTR)
			c->writable = false;
		return errno == EINTR ? -EAGAIN : -errno;
	}
	if ((size_t)sent < want)
		c->writable = false;
	return sent;
}

static int sock_shutdown(struct cf *f, struct conn *c)
{
	(void)f;
	return shutdown(c->watch.fd, SHUT_WR) < 0 ? -errno : 0;
}

static int sock_probe(struct cf *f, struct conn *c)
{
	char byte;
	(void)f;
	ssize_t n = recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 ? 1 : n == 0 ? -EPIPE : -errno;
}

static const struct cf_ops cf_sock = {
	.name = "sock",
	.recv = sock_recv,
	.writev = sock_writev,
	.shutdown = sock_shutdown,
	.probe = sock_probe,
};

int conn_open(struct conn *c, struct loop *loop, int fd, void (*ready)(struct watch *w, uint32_t events))
{
	c->loop = loop;
	c->bottom = (struct cf){ .ops = &cf_sock };
	c->top = &c->bottom;
	c->readable = c->writable = c->hangup = c->failed = false;
	c->sock_readable = c->unsent = c->aborted = false;
	c->watch.ready = ready;
	int rc = loop_add(loop, &c->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	if (rc < 0) {
		close(fd);
		c->watch.fd = -1;
	}
	return rc;
}

void conn_note(struct conn *c, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = c->sock_readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		c->hangup = true;
	if (events & (EPOLLERR | EPOLLHUP))
		c->failed = true;
	if (c->unsent && c->writable && conn_is_open(c))
		(void)conn_writev(c, NULL, 0); /* who waits for it to leave looks at `unsent` */
}

void conn_push(struct conn *c, struct cf *f)
{
	f->next = c->top;
	c->top = f;
}

void conn_remove(struct conn *c, struct cf *f)
{
	struct cf **at = &c->top;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

ssize_t conn_recv_at(struct cf *f, struct conn *c, void *p, size_t n)
{
	while (!f->ops->recv)
		f = f->next;
	return f->ops->recv(f, c, p, n);
}

ssize_t conn_recv(struct conn *c, void *p, size_t n)
{
	return conn_recv_at(c->top, c, p, n);
}

static ssize_t writev_at(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	while (!f->ops->writev)
		f = f->next;
	return f->ops->writev(f, c, iov, niov);
}

ssize_t conn_writev(struct conn *c, const struct iovec *iov, int niov)
{
	return writev_at(c->top, c, iov, niov);
}

ssize_t conn_writev_below(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	return writev_at(f->next, c, iov, niov);
}

static int shutdown_at(struct cf *f, struct conn *c)
{
	while (!f->ops->shutdown)
		f = f->next;
	return f->ops->shutdown(f, c);
}

int conn_shutdown(struct conn *c)
{
	return shutdown_at(c->top, c);
}

int conn_shutdown_below(struct cf *f, struct conn *c)
{
	return shutdown_at(f->next, c);
}

int conn_probe(struct conn *c)
{
	struct cf *f = c->top;
	while (!f->ops->probe)
		f = f->next;
	return f->ops->probe(f, c);
}

void conn_close(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	for (struct cf *f = c->top, *below; f; f = below) {
		below = f->next; /* f may free itself */
		if (f->ops->close)
			f->ops->close(f, c);
	}
	int fd = c->watch.fd;
	loop_del(c->loop, &c->watch);
	close(fd);
	c->watch.fd = -1;
	c->top = &c->bottom;
}

void conn_reset(struct conn *c)
{
	if (!conn_is_open(c))
		return;
	c->aborted = true;
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	conn_close(c);
}
