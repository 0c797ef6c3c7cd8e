/* Runs the rows of the table, round by round. */
#pragma once
#include <stdbool.h>
#include "options.h"
#include "scenario.h"

struct figure {
	bool wanted;
	bool wrong;		 /* packets did not do what the row says: there is no figure */
	uint32_t ns[ROUNDS_MAX]; /* per packet; afterwards in ascending order */
	unsigned n;
};

/* figures: one per row of the table. Returns how many rows were wrong, which it has explained on standard error. */
int measure(const struct options *o, const struct world worlds[WORLDS], struct figure *figures);
/* Ascending. */
void measure_sort(uint32_t *v, unsigned n);
