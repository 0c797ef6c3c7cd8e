/* Event loop: one per thread, epoll, edge-triggered, every descriptor registered once and never re-armed.
 * Not thread-safe; other threads reach a loop through its mailbox. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "base/list.h"
#include "io/timer.h"

/* Embedded in whatever owns the descriptor. `ready` may close and remove any watch of the loop, its own included;
 * memory must then be released through loop_defer(), because the current batch may still name it. */
struct watch {
	int fd; /* -1: not watched */
	void (*ready)(struct watch *w, uint32_t events);
};

struct deferred {
	struct list link;
	void (*run)(struct deferred *d);
};

struct loop {
	int epfd;
	bool stopping;
	uint64_t now_ns; /* monotonic, read once per batch */
	/* How long events of the coming batch may have lain ready: since the kernel's list was last seen to its end. 0
	 * after small batches, which nobody waits for. */
	uint64_t delay_ns;
	uint64_t seen_all_ns;
	int last_batch;
	struct timer_wheel wheel;
	struct list deferred;	 /* run after the batch */
	struct list before_wait; /* struct loop_hook: run each time before waiting */
	/* Around an epoll_wait that may block; may be NULL. base/epoch: offline and online belong here, and quiescent
	 * into a hook, because a busy loop may not sleep for long. */
	void (*on_sleep)(void *ctx, bool sleeping);
	void *on_sleep_ctx;
	struct epoll_event *batch; /* events not yet handed out, so that loop_del() can take its own back */
	int batch_left;
};

/* A hook may remove itself, but no other. */
struct loop_hook {
	struct list link;
	void (*run)(struct loop_hook *h);
};

int loop_init(struct loop *l); /* 0 or -errno */
void loop_free(struct loop *l);
/* events: EPOLLIN/EPOLLOUT/EPOLLRDHUP; EPOLLET is added. 0 or -errno. */
int loop_add(struct loop *l, struct watch *w, int fd, uint32_t events);
/* EPOLLIN, level-triggered: listeners, netlink, inotify. ret_err: 0 or -errno. */
void loop_add_level(struct loop *l, struct watch *w, int fd, int *ret_err);
/* Before the descriptor is closed, which it does not do; harmless when not watched. No event of the current batch
 * reaches w afterwards, not even when w watches another descriptor by then. */
void loop_del(struct loop *l, struct watch *w);
/* d must not be deferred already; list_remove(&d->link) takes it back. */
void loop_defer(struct loop *l, struct deferred *d, void (*run)(struct deferred *d));
void loop_run(struct loop *l); /* until loop_stop() */
/* One batch: hooks, wait (at most max_wait_ms, -1: as long as it takes), events, timers, deferred. */
void loop_once(struct loop *l, int max_wait_ms);
void loop_stop(struct loop *l);
