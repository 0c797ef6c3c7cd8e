/* How a stage ends: NEXT hands the packet on, anything else ends the walk with a reason for the one exit to count. */
#pragma once
#include "lb/count.h"

enum verdict { NEXT, PASS, DROP, FORWARD };

/* Ends the walk: the verdict belongs to the reason (include/lb/count.h), so the two cannot disagree. */
#define END(p, name) ((p)->reason = LB_R_##name, (enum verdict)VERDICT_##name)

enum {
#define VERDICT_OF(name, verdict, help) VERDICT_##name = verdict,
	LB_REASONS(VERDICT_OF)
#undef VERDICT_OF
};

/* Runs a stage; leaves the calling function when the walk ended there. */
#define TRY(stage)                           \
	do {                                 \
		enum verdict try_ = (stage); \
		if (try_ != NEXT)            \
			return try_;         \
	} while (0)
