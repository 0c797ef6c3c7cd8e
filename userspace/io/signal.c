/* Signals as loop events. */
#include "io/signal.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signal_ready(struct watch *w, uint32_t events)
{
	struct signal_watch *s = container_of(w, struct signal_watch, watch);
	struct signalfd_siginfo info;

	(void)events;
	while (w->fd >= 0 && read(w->fd, &info, sizeof(info)) == sizeof(info))
		s->fn(s, (int)info.ssi_signo);
}

int signal_watch_init(struct signal_watch *s, struct loop *l, const int *signals, unsigned n,
		      void (*fn)(struct signal_watch *s, int signo))
{
	_cleanup_close_ int fd = -1;
	sigset_t set, old;
	int r;

	sigemptyset(&set);
	for (unsigned i = 0; i < n; i++)
		if (sigaddset(&set, signals[i]) < 0)
			return -EINVAL;
	*s = (struct signal_watch){ .watch = { -1, signal_ready }, .loop = l, .fn = fn };
	r = pthread_sigmask(SIG_BLOCK, &set, &old);
	if (r)
		return -r;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	r = fd < 0 ? -errno : loop_add(l, &s->watch, fd, EPOLLIN);
	if (r) {
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		return r;
	}
	take_fd(fd);
	return 0;
}

void signal_watch_free(struct signal_watch *s)
{
	int fd = s->watch.fd;

	if (fd < 0)
		return;
	loop_del(s->loop, &s->watch);
	close(fd);
}
