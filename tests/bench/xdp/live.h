/* Frames that go their whole way: out of one end of a veth, into the native XDP program at the other, back, and
 * counted. One CPU does all of it. */
#pragma once
#include "options.h"
#include "world.h"

struct live_figure {
	const char *name;
	uint32_t flows;
	uint32_t ns[ROUNDS_MAX]; /* per packet that arrived; ascending */
	unsigned n;
	double lost; /* share of all that were sent */
};

#define LIVE_ROWS 6

/* Returns how many rows were wrong, which it has explained on standard error; or -errno. */
int live_measure(const struct options *o, const struct world *w, struct live_figure ret[LIVE_ROWS]);
