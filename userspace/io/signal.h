/* Signals as events of a loop (signalfd): no handler, no restrictions on what may be called. */
#pragma once
#include "io/loop.h"

struct signal_watch {
	struct watch watch;
	struct loop *loop;
	/* On the loop's thread; may call signal_watch_free(), but the memory goes by loop_defer(). */
	void (*fn)(struct signal_watch *s, int signo);
};

/* Blocks the signals in the calling thread; threads started afterwards inherit that, which they must for the loop to
 * get them: call it before starting any. 0 or -errno (then nothing is blocked that was not before). */
int signal_watch_init(struct signal_watch *s, struct loop *l, const int *signals, unsigned n,
		      void (*fn)(struct signal_watch *s, int signo));
void signal_watch_free(struct signal_watch *s); /* the signals stay blocked; harmless when done twice */
