/* Log timestamps, made once per second and holder: calendar arithmetic and time zones cost more than a log line may. */
#pragma once
#include <stdint.h>
#include "proxy/out.h"

struct stamp {
	int64_t second; /* since 1970, of the texts below */
	char utc[20];	/* "2006-01-02T15:04:05" */
	char local[20];
	char zone[7]; /* "+02:00" or "Z" */
	char clf[27]; /* "02/Jan/2006:15:04:05 -0700" */
	bool valid;
};

#define STAMP_SLOTS 16u /* requests of so many seconds may end in turn without making texts again */

/* One per worker; zero-initialised is valid. */
struct stamp_cache {
	struct stamp v[STAMP_SLOTS];
};

/* The texts of one second; the result is valid until STAMP_SLOTS other seconds were asked for. */
const struct stamp *stamp_get(struct stamp_cache *c, uint64_t wall_ns);
/* RFC 3339 with a fraction as Go prints it: without trailing zeros. */
void stamp_put_utc(struct out *o, const struct stamp *s, uint64_t wall_ns);
void stamp_put_local(struct out *o, const struct stamp *s, uint64_t wall_ns);
