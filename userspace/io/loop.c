/* The event loop: hooks, wait, events, timers, deferred work, in that order and nothing else. */
#include "io/loop.h"
#include "base/clock.h"
#include <errno.h>
#include <unistd.h>

#define LOOP_BATCH  256
#define SMALL_BATCH 16 /* not worth a clock reading */

static void read_clock(struct loop *l)
{
	l->now_ns = clock_mono_ns();
}

int loop_init(struct loop *l)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0)
		return -errno;
	l->epfd = epfd;
	l->stopping = false;
	l->on_sleep = NULL;
	l->on_sleep_ctx = NULL;
	l->batch = NULL;
	l->batch_left = l->last_batch = 0;
	l->delay_ns = 0;
	list_init(&l->deferred);
	list_init(&l->before_wait);
	read_clock(l);
	l->seen_all_ns = l->now_ns;
	timer_wheel_init(&l->wheel, l->now_ns / NS_PER_MS);
	return 0;
}

static int watch_fd(struct loop *l, struct watch *w, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	w->fd = fd;
	return 0;
}

int loop_add(struct loop *l, struct watch *w, int fd, uint32_t events)
{
	return watch_fd(l, w, fd, events | EPOLLET);
}

void loop_add_level(struct loop *l, struct watch *w, int fd, int *ret_err)
{
	*ret_err = watch_fd(l, w, fd, EPOLLIN);
}

void loop_del(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	/* The watch may be put on another descriptor before the batch ends; what is left in it was about the old one.
	 */
	for (int i = 0; i < l->batch_left; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *d))
{
	d->run = run;
	list_push_back(&l->deferred, &d->link);
}

/* What is deferred meanwhile runs after the next batch, so that work that defers itself cannot starve the loop. */
static void run_deferred(struct loop *l)
{
	struct list now;

	list_take(&l->deferred, &now);
	while (!list_empty(&now)) {
		struct deferred *d = container_of(now.next, struct deferred, link);

		list_remove(&d->link);
		d->run(d); /* may free d */
	}
}

static void run_hooks(struct loop *l)
{
	list_each_safe (n, &l->before_wait)
		container_of(n, struct loop_hook, link)->run(container_of(n, struct loop_hook, link));
}

static int wait_ms(const struct loop *l, int max_wait_ms)
{
	int timer = timer_wheel_next_ms(&l->wheel, l->now_ns / NS_PER_MS);

	if (l->stopping || !list_empty(&l->deferred))
		return 0;
	if (timer < 0 || (max_wait_ms >= 0 && max_wait_ms < timer))
		return max_wait_ms;
	return timer;
}

static int wait_events(struct loop *l, struct epoll_event *events, int timeout_ms)
{
	bool tell = l->on_sleep && timeout_ms != 0;
	int n;

	if (tell)
		l->on_sleep(l->on_sleep_ctx, true);
	n = epoll_wait(l->epfd, events, LOOP_BATCH, timeout_ms);
	if (tell)
		l->on_sleep(l->on_sleep_ctx, false);
	return n < 0 ? 0 : n;
}

static void run_batch(struct loop *l, struct epoll_event *events, int n)
{
	l->batch = events;
	l->batch_left = n;
	while (l->batch_left > 0) {
		struct epoll_event ev = *l->batch++;
		struct watch *w = ev.data.ptr;

		l->batch_left--;
		if (w)
			w->ready(w, ev.events);
	}
	l->batch = NULL;
}

static void note_delay(struct loop *l)
{
	l->delay_ns = l->last_batch < SMALL_BATCH ? 0 : clock_mono_ns() - l->seen_all_ns;
}

void loop_once(struct loop *l, int max_wait_ms)
{
	struct epoll_event events[LOOP_BATCH];
	int n;

	note_delay(l);
	run_hooks(l);
	n = wait_events(l, events, wait_ms(l, max_wait_ms));
	read_clock(l);
	l->last_batch = n;
	if (n < LOOP_BATCH)
		l->seen_all_ns = l->now_ns;
	run_batch(l, events, n);
	timer_wheel_advance(&l->wheel, l->now_ns / NS_PER_MS);
	run_deferred(l);
}

void loop_run(struct loop *l)
{
	while (!l->stopping)
		loop_once(l, -1);
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
}

void loop_free(struct loop *l)
{
	while (!list_empty(&l->deferred))
		run_deferred(l);
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
}
