/* The reasons a packet's walk ends with, by name: what counters and captures call them. */
#pragma once
#include <stddef.h>

struct reason_info {
	const char *name, *verdict, *help; /* verdict: "forward", "pass" or "drop" */
};

/* NULL past the last one. */
const struct reason_info *reason_at(size_t n);
/* The number of the reason with that name, or -ENOENT. */
int reason_find(const char *name);
/* The name that is meant by a mistyped one, or NULL. */
const char *reason_nearest(const char *name);
