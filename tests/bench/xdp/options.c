#include "options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_MIN 1000
#define PACKETS_MAX 100000000

static int number(const char *name, unsigned long min, unsigned long max, unsigned long *value)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return 0;
	*value = strtoul(text, &end, 10);
	if (*end == '\0' && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "%s=%s: expected a number from %lu to %lu\n", name, text, min, max);
	return -EINVAL;
}

int options_read(struct options *ret)
{
	unsigned long rounds = 15, packets = 1000000;
	const char *only = getenv("BENCH");
	int r = number("ROUNDS", 1, ROUNDS_MAX, &rounds);

	if (r == 0)
		r = number("PACKETS", PACKETS_MIN, PACKETS_MAX, &packets);
	*ret = (struct options){ .rounds = (unsigned)rounds, .packets = (uint32_t)packets, .only = only ? only : "" };
	return r;
}

bool options_want(const struct options *o, const char *row)
{
	return strstr(row, o->only) != NULL;
}
