/* Everything is bounded: clients, their line, their time. A client that does not read its answer loses it with its
 * time. */
#include "admin/ctl.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "admin/api.h"
#include "base/clock.h"
#include "io/sock.h"

#define MAX_CLIENTS 16u
#define MAX_ANSWER  (64u << 20)
#define CLIENT_MS   5000u
#define PAUSE_MS    1000u

struct ctl {
	struct watch watch;
	struct loop *loop;
	const struct apply *apply;
	char *path;
	dev_t dev; /* of the socket as we made it */
	ino_t ino;
	struct list clients;
	unsigned nclients;
	struct timer pause; /* after accept() failed: out of descriptors */
	int fd;
};

struct client {
	struct watch watch;
	struct list link;
	struct ctl *ctl;
	struct timer timer;
	struct deferred gone;
	char line[16384];
	size_t n;
	struct internal_reply reply;
	size_t sent;
	bool answered;
};

/* ---- clients ---- */

static void client_free(struct deferred *d)
{
	struct client *c = container_of(d, struct client, gone);

	buf_free(&c->reply.body);
	free(c);
}

static void client_detach(struct client *c)
{
	int fd = c->watch.fd;

	loop_del(c->ctl->loop, &c->watch);
	close(fd);
	timer_cancel(&c->ctl->loop->wheel, &c->timer);
	list_remove(&c->link);
	c->ctl->nclients--;
}

static void client_end(struct client *c)
{
	client_detach(c);
	loop_defer(c->ctl->loop, &c->gone, client_free);
}

static void client_expired(struct timer *t)
{
	client_end(container_of(t, struct client, timer));
}

static void client_send(struct client *c)
{
	while (c->sent < c->reply.body.n) {
		ssize_t n = send(c->watch.fd, c->reply.body.p + c->sent, c->reply.body.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	client_end(c);
}

/* "METHOD /path?query" */
static void client_answer(struct client *c, struct str line)
{
	struct str method, path, query, target;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	target = str_cut(line, ' ', &method);
	query = str_cut(target, '?', &path);
	c->answered = true;
	c->reply.status = 200;
	buf_init(&c->reply.body, MAX_ANSWER);
	api_answer(c->ctl->apply, method, path, query, &c->reply);
	buf_char(&c->reply.body, '\n');
	client_send(c);
}

static void client_read(struct client *c)
{
	for (;;) {
		ssize_t n = recv(c->watch.fd, c->line + c->n, sizeof(c->line) - c->n, 0);
		const char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		c->n += (size_t)n;
		end = memchr(c->line, '\n', c->n);
		if (end) {
			client_answer(c, str_mk(c->line, (size_t)(end - c->line)));
			return;
		}
		if (c->n == sizeof(c->line))
			break;
	}
	client_end(c);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, watch);

	if (events & EPOLLERR)
		client_end(c);
	else if (c->answered)
		client_send(c);
	else if (events & (EPOLLIN | EPOLLHUP))
		client_read(c);
}

static void client_start(struct ctl *ctl, int fd)
{
	struct client *c = mem_zalloc(sizeof(*c));

	c->ctl = ctl;
	c->watch = (struct watch){ .fd = -1, .ready = client_ready };
	if (loop_add(ctl->loop, &c->watch, fd, EPOLLIN | EPOLLOUT) < 0) {
		close(fd);
		free(c);
		return;
	}
	timer_init(&c->timer, client_expired);
	timer_set(&ctl->loop->wheel, &c->timer, ctl->loop->now_ns / NS_PER_MS + CLIENT_MS);
	list_push_back(&ctl->clients, &c->link);
	ctl->nclients++;
}

/* ---- the socket ---- */

static int resume(struct ctl *c)
{
	int r;

	loop_add_level(c->loop, &c->watch, c->fd, &r);
	return r;
}

static void pause_over(struct timer *t)
{
	(void)resume(container_of(t, struct ctl, pause));
}

static void ctl_ready(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w, struct ctl, watch);
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0 && c->nclients < MAX_CLIENTS) {
		client_start(c, fd);
		return;
	}
	if (fd >= 0) {
		close(fd);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* Out of descriptors or memory: level-triggered, it would come back at once. */
	loop_del(c->loop, w);
	timer_set(&c->loop->wheel, &c->pause, c->loop->now_ns / NS_PER_MS + PAUSE_MS);
}

/* Every directory above path, as mkdir -p. */
static int make_directories(const char *path)
{
	_cleanup_free_ char *p = mem_strdup(path);

	for (char *slash = strchr(p + 1, '/'); *p && slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(p, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int open_socket(struct ctl *c)
{
	struct stat st;
	int r = make_directories(c->path);

	if (!r)
		r = sock_unix_listen(c->path, 0600, &c->fd);
	if (r)
		return r;
	if (stat(c->path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	return resume(c);
}

int ctl_open(struct loop *loop, const struct apply *apply, const char *path, struct ctl **ret)
{
	struct ctl *c;
	int r;

	if (!path) {
		*ret = NULL;
		return 0;
	}
	c = mem_zalloc(sizeof(*c));
	c->loop = loop;
	c->apply = apply;
	c->path = mem_strdup(path);
	c->fd = -1;
	c->watch = (struct watch){ .fd = -1, .ready = ctl_ready };
	list_init(&c->clients);
	timer_init(&c->pause, pause_over);
	r = open_socket(c);
	if (r) {
		ctl_close(&c);
		return r;
	}
	*ret = c;
	return 0;
}

/* A successor may have put its own socket there. */
static bool path_is_ours(const struct ctl *c)
{
	struct stat st;

	return c->fd >= 0 && stat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino;
}

void ctl_close(struct ctl **pc)
{
	struct ctl *c = take_ptr(*pc);

	if (!c)
		return;
	list_each_safe (it, &c->clients)
		client_end(container_of(it, struct client, link));
	timer_cancel(&c->loop->wheel, &c->pause);
	loop_del(c->loop, &c->watch);
	if (path_is_ours(c))
		unlink(c->path);
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	free(c);
}
