/* The reader's side of include/lb/event.h. The switch is mapped memory: fields are written singly, since the program
 * counts in the same record. */
#include "kern/event.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/pin.h"
#include "lb/count.h"
#include "lb/event.h"

#define LEASE_NS (3 * NS_PER_S)

struct event {
	int capture, ring_fd;
	struct lb_capture *sw;
	struct ring_buffer *ring;
	uint64_t wall_minus_mono;
	bool on;
	bool (*fn)(void *ctx, const struct event_packet *p); /* during event_poll */
	void *ctx;
};

/* The kernel's clock, whatever tests have done to base/clock. */
static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct event *e = ctx;
	const struct lb_event *r = data;
	struct event_packet p;

	if (size < sizeof(*r) || r->reason >= LB_R_COUNT || r->captured > LB_EVENT_BYTES || !e->fn)
		return 0;
	p = (struct event_packet){
		.wall_ns = r->ns + e->wall_minus_mono,
		.reason = r->reason,
		.ifindex = r->ifindex,
		.len = r->len,
		.captured = r->captured,
		.data = r->data,
	};
	return e->fn(e->ctx, &p) ? 0 : -ECANCELED;
}

static int open_pin(const char *dir, const char *name)
{
	char path[PIN_PATH_MAX];
	int fd;

	if (pin_map_path(dir, name, path) < 0)
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int open_all(struct event *e, const char *dir)
{
	void *at;

	e->capture = open_pin(dir, "capture");
	if (e->capture < 0)
		return e->capture;
	e->ring_fd = open_pin(dir, "events");
	if (e->ring_fd < 0)
		return e->ring_fd;
	at = mmap(NULL, sizeof(*e->sw), PROT_READ | PROT_WRITE, MAP_SHARED, e->capture, 0);
	if (at == MAP_FAILED)
		return -errno;
	e->sw = at;
	e->ring = ring_buffer__new(e->ring_fd, on_record, e, NULL);
	return e->ring ? 0 : -errno;
}

int event_open(const char *pin_path, struct event **ret, struct err_list *errs)
{
	struct event *e = mem_zalloc(sizeof(*e));
	int r;

	e->capture = e->ring_fd = -1;
	e->wall_minus_mono = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
	r = open_all(e, pin_path);
	if (r == 0) {
		*ret = e;
		return 0;
	}
	err_add(errs, (struct place){ 0 }, "kernel.pinPath", "cannot watch packets of %s: %s%s", pin_path, strerror(-r),
		r == -ENOENT ? "; nothing is pinned there: is it the path of the configuration?" : "");
	event_close(&e);
	return r;
}

int event_start(struct event *e, uint64_t reasons, uint32_t sample)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), until = __atomic_load_n(&e->sw->until, __ATOMIC_ACQUIRE);

	if (until > now || !__atomic_compare_exchange_n(&e->sw->until, &until, now + LEASE_NS, false, __ATOMIC_ACQ_REL,
							__ATOMIC_RELAXED))
		return -EBUSY;
	e->on = true;
	e->fn = NULL; /* what an earlier watcher left in the ring */
	(void)ring_buffer__consume(e->ring);
	__atomic_store_n(&e->sw->seen, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&e->sw->lost, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&e->sw->sample, sample ? sample : 1, __ATOMIC_RELAXED);
	__atomic_store_n(&e->sw->reasons, reasons, __ATOMIC_RELEASE);
	return 0;
}

int event_poll(struct event *e, int timeout_ms, bool (*fn)(void *ctx, const struct event_packet *p), void *ctx)
{
	int r;

	if (e->on)
		__atomic_store_n(&e->sw->until, now_ns(CLOCK_MONOTONIC) + LEASE_NS, __ATOMIC_RELEASE);
	e->fn = fn;
	e->ctx = ctx;
	r = ring_buffer__poll(e->ring, timeout_ms);
	e->fn = NULL;
	return r == -ECANCELED ? 1 : r;
}

void event_stop(struct event *e)
{
	if (!e->on)
		return;
	__atomic_store_n(&e->sw->reasons, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&e->sw->until, 0, __ATOMIC_RELEASE);
	e->on = false;
}

struct event_totals event_totals(const struct event *e)
{
	return (struct event_totals){ .seen = __atomic_load_n(&e->sw->seen, __ATOMIC_RELAXED),
				      .lost = __atomic_load_n(&e->sw->lost, __ATOMIC_RELAXED) };
}

void event_close(struct event **ep)
{
	struct event *e = take_ptr(*ep);

	if (!e)
		return;
	if (e->sw) {
		event_stop(e);
		munmap(e->sw, sizeof(*e->sw));
	}
	ring_buffer__free(e->ring);
	mem_closep(&e->capture);
	mem_closep(&e->ring_fd);
	free(e);
}
