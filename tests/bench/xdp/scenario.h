/* What is measured, a row each. */
#pragma once
#include <stdint.h>
#include "rig.h"
#include "world.h"

#define FLOWS_NEW RIG_NEW_FLOWS

struct scenario {
	const char *name;
	enum floor_kind floor; /* that its figure is compared with; the row's own program if reason is NULL */
	enum world_id world;
	enum driver driver;
	struct packet packet;
	uint32_t flows;	    /* power of two; FLOWS_NEW: each packet another */
	const char *reason; /* that every packet must be counted under */
	uint32_t verdict;
	int grown; /* bytes */
};

extern const struct scenario scenarios[];
extern const size_t nscenarios;
