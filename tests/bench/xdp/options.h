/* What the environment asks for. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ROUNDS_MAX 101

struct options {
	unsigned rounds;  /* ROUNDS: interleaved runs of each row; 15 */
	uint32_t packets; /* PACKETS: in each run; 1,000,000 */
	const char *only; /* BENCH: what the names of rows must contain; "": all */
};

int options_read(struct options *ret); /* 0 or -EINVAL, which it has explained on standard error */
bool options_want(const struct options *o, const char *row);
