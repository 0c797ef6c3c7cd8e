/* A worker's pool of fixed-size memory blocks: buffers exist only while bytes are in flight, and taking one in the
 * steady state is a list pop. One per worker; not thread-safe. */
#pragma once
#include <stddef.h>
#include "base/arena.h"

#define BLOCK_SIZE 16384u

struct block_pool {
	void *free; /* singly linked through the first word */
	unsigned nfree, max_free;
	unsigned in_use;
	struct arena_source source; /* the same blocks for arenas */
};

void block_pool_init(struct block_pool *p, unsigned max_free);
void block_pool_free(struct block_pool *p);
void *block_get(struct block_pool *p);		   /* BLOCK_SIZE bytes, uninitialised; never NULL */
void block_put(struct block_pool *p, void *block); /* accepts NULL */
