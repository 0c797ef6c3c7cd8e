/* Listeners: opening them on the control thread, accepting on the workers. */
#include "proxy/entry.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/sock.h"
#include "model/address.h"
#include "proxy/h1_server.h"
#include "proxy/worker.h"

#define BACKLOG		  4096
#define ACCEPTS_PER_EVENT 64

/* SO_REUSEPORT would let a second process of the same user share the address in silence: ask without it first. */
static int probe_address(const struct entry *e)
{
	_cleanup_close_ int fd = -1;
	return sock_listen(&e->at, false, 1, &fd);
}

void entry_place(struct entry *e)
{
	struct listen_at at;
	if (address_parse(e->conf->address, &at) < 0)
		return;
	e->at = at.at;
	e->last_port = at.last;
	e->udp = at.udp;
}

int entry_open(const struct entry *e, unsigned nworkers, int *ret_fds)
{
	int free_rc = e->conf->reuse_port ? 0 : probe_address(e);
	if (free_rc < 0)
		return free_rc;
	for (unsigned i = 0; i < nworkers; i++) {
		int rc = sock_listen(&e->at, true, BACKLOG, &ret_fds[i]);
		if (rc < 0) {
			while (i-- > 0)
				close(ret_fds[i]);
			return rc;
		}
	}
	return 0;
}

/* Counts the connection in, or says there is no room. */
static bool admit(struct engine *e)
{
	unsigned now = atomic_fetch_add_explicit(&e->connections, 1, memory_order_relaxed);
	if (now < e->max_connections)
		return true;
	atomic_fetch_sub_explicit(&e->connections, 1, memory_order_relaxed);
	return false;
}

static void pause_listener(struct entry_listener *l)
{
	if (l->paused)
		return;
	l->paused = true;
	struct epoll_event ev = { .events = 0, .data.ptr = &l->watch };
	(void)epoll_ctl(l->worker->loop.epfd, EPOLL_CTL_MOD, l->watch.fd, &ev);
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct entry_listener *l = container_of(watch, struct entry_listener, watch);
	struct worker *w = l->worker;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		struct endpoint peer = { 0 };
		if (!admit(w->engine)) {
			pause_listener(l);
			return;
		}
		int fd = accept4(l->watch.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			atomic_fetch_sub_explicit(&w->engine->connections, 1, memory_order_relaxed);
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_listener(l); /* the second's tick tries again */
			return;
		}
		(void)sock_set_nodelay(fd);
		(void)endpoint_from_sockaddr((struct sockaddr *)&sa, &peer);
		h1_server_accept(w, l->entry, fd, &peer);
	}
}

void entry_listen(struct worker *w, struct entry *e, int fd)
{
	struct entry_listener *l = mem_zalloc(sizeof(*l));
	int rc = 0;
	l->entry = e;
	l->worker = w;
	l->watch.ready = on_ready;
	loop_add_level(&w->loop, &l->watch, fd, &rc);
	if (rc < 0) {
		close(fd);
		free(l);
		return;
	}
	list_push_back(&w->listeners, &l->link);
}

static void listener_gone(struct deferred *d)
{
	free(container_of(d, struct entry_listener, gone));
}

void entry_unlisten(struct worker *w, struct entry *e)
{
	list_each_safe (it, &w->listeners) {
		struct entry_listener *l = container_of(it, struct entry_listener, link);
		if (e && l->entry != e)
			continue;
		int fd = l->watch.fd;
		loop_del(&w->loop, &l->watch);
		close(fd);
		list_remove(&l->link);
		loop_defer(&w->loop, &l->gone, listener_gone);
	}
}

void entry_gate(struct worker *w, bool open)
{
	if (open) {
		entry_resume(w);
		return;
	}
	list_each_safe (it, &w->listeners)
		pause_listener(container_of(it, struct entry_listener, link));
}

void entry_resume(struct worker *w)
{
	if (w->overload.shedding)
		return;
	if (atomic_load_explicit(&w->engine->connections, memory_order_relaxed) >= w->engine->max_connections)
		return;
	list_each_safe (it, &w->listeners) {
		struct entry_listener *l = container_of(it, struct entry_listener, link);
		if (!l->paused)
			continue;
		l->paused = false;
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l->watch };
		(void)epoll_ctl(w->loop.epfd, EPOLL_CTL_MOD, l->watch.fd, &ev);
	}
}
