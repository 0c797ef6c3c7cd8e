/* What a change of one weight among 100 costs: the time until it is in force, and how many flows get another server. */
#pragma once
#include "world.h"

#define RING_CHANGES 50

struct ring_move {
	const char *name;
	double moved; /* share of new flows that go elsewhere than before */
	double least; /* the smallest share that could */
};

struct ring_figure {
	/* From the call of ops->sync, ascending. */
	uint32_t done_us[RING_CHANGES];	  /* to its return */
	uint32_t effect_us[RING_CHANGES]; /* to the first packet that goes by the new table, of other changes than above
					   */
	struct ring_move move[2];
};

int ring_measure(const struct world *w, struct ring_figure *ret); /* 0 or -errno */
