/* Watching packets: turns the program's sampling on, hands over what it recorded, turns it off. Needs the pins only, no
 * agent. One thread. */
#pragma once
#include <stdint.h>
#include "base/err.h"

struct event;

struct event_packet {
	uint64_t wall_ns; /* since 1970 */
	unsigned reason;  /* see kern/reason.h */
	uint32_t ifindex; /* it came in by */
	uint32_t len;	  /* of the frame as the program left it */
	uint32_t captured;
	const uint8_t *data; /* the frame's first bytes; valid during the call */
};

struct event_totals {
	uint64_t seen; /* packets with one of the reasons, since event_start */
	uint64_t lost; /* samples that found the ring full */
};

/* 0 or -errno with the remedy in errs. The caller closes. */
int event_open(const char *pin_path, struct event **ret, struct err_list *errs);
/* reasons: bit n for reason n; one packet in `sample` is recorded. -EBUSY: somebody else watches. */
int event_start(struct event *e, uint64_t reasons, uint32_t sample);
/* Waits for packets and calls fn for each; fn returns false to leave. Call at least once a second: sampling ends by
 * itself some seconds after the last call. How many packets, or -errno (-EINTR: a signal). */
int event_poll(struct event *e, int timeout_ms, bool (*fn)(void *ctx, const struct event_packet *p), void *ctx);
/* Off again. Packets recorded until now are still there for event_poll. */
void event_stop(struct event *e);
struct event_totals event_totals(const struct event *e);
void event_close(struct event **e); /* stops, too */
