/* A direct-mapped cache of seconds. */
#include "observe/stamp.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/clock.h"

static void zone_text(long offset_s, char out[7])
{
	unsigned minutes = (unsigned)labs(offset_s) / 60 % (24 * 60);

	if (!offset_s)
		snprintf(out, 7, "Z");
	else
		snprintf(out, 7, "%c%02u:%02u", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void stamp_make(struct stamp *s, int64_t second)
{
	time_t t = (time_t)second;
	struct tm utc, local;

	gmtime_r(&t, &utc);
	localtime_r(&t, &local);
	strftime(s->utc, sizeof(s->utc), "%Y-%m-%dT%H:%M:%S", &utc);
	strftime(s->local, sizeof(s->local), "%Y-%m-%dT%H:%M:%S", &local);
	strftime(s->clf, sizeof(s->clf), "%d/%b/%Y:%H:%M:%S %z", &local);
	zone_text(local.tm_gmtoff, s->zone);
	s->second = second;
	s->valid = true;
}

const struct stamp *stamp_get(struct stamp_cache *c, uint64_t wall_ns)
{
	int64_t second = (int64_t)(wall_ns / NS_PER_S);
	struct stamp *s = &c->v[(uint64_t)second % STAMP_SLOTS];

	if (!s->valid || s->second != second)
		stamp_make(s, second);
	return s;
}

static void put_fraction(struct out *o, uint64_t ns)
{
	char digits[10] = ".";
	size_t n = 10;

	if (!ns)
		return;
	for (size_t i = 9; i >= 1; i--, ns /= 10)
		digits[i] = (char)('0' + ns % 10);
	while (digits[n - 1] == '0')
		n--;
	out_bytes(o, digits, n);
}

void stamp_put_utc(struct out *o, const struct stamp *s, uint64_t wall_ns)
{
	out_bytes(o, s->utc, sizeof(s->utc) - 1);
	put_fraction(o, wall_ns % NS_PER_S);
	out_lit(o, "Z");
}

void stamp_put_local(struct out *o, const struct stamp *s, uint64_t wall_ns)
{
	out_bytes(o, s->local, sizeof(s->local) - 1);
	put_fraction(o, wall_ns % NS_PER_S);
	out_str(o, str_of(s->zone));
}
