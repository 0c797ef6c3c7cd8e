/* Admission: a worker that is late for longer than an interval refuses new requests with 503 and stops accepting, until
 * it is on time again. Late is measured, not guessed: how long events lay ready before the loop came to them. The rule
 * is CoDel's (Nichols & Jacobson, 2012): a burst may wait, a standing queue may not. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct overload {
	uint64_t late_since_ns; /* 0: on time */
	bool shedding;
	unsigned share; /* of new requests to refuse while shedding, of 1024 */
	unsigned debt;	/* refusals that are due, in 1024ths */
};

#define OVERLOAD_INTERVAL_NS 100000000ull

/* Once per turn of the loop. target_ns 0: never late. True when shedding began or ended. */
/* Whether to refuse this request: so many of them that what is left of the queue takes about target_ns. */
bool overload_refuses(struct overload *o);
bool overload_note(struct overload *o, uint64_t now_ns, uint64_t delay_ns, uint64_t target_ns);
