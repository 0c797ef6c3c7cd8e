/* The block pool: a bounded free list over malloc. */
#include "net/block.h"
#include "base/mem.h"

#include <stdlib.h>

static void *source_get(void *ctx)
{
	return block_get(ctx);
}

static void source_put(void *ctx, void *block)
{
	block_put(ctx, block);
}

void block_pool_init(struct block_pool *p, unsigned max_free)
{
	*p = (struct block_pool){ .max_free = max_free };
	p->source = (struct arena_source){ .get = source_get, .put = source_put, .ctx = p, .size = BLOCK_SIZE };
}

void block_pool_free(struct block_pool *p)
{
	while (p->free) {
		void *block = p->free;
		p->free = *(void **)block;
		free(block);
	}
	p->nfree = 0;
}

void *block_get(struct block_pool *p)
{
	p->in_use++;
	if (!p->free)
		return mem_alloc(BLOCK_SIZE);
	void *block = p->free;
	p->free = *(void **)block;
	p->nfree--;
	return block;
}

void block_put(struct block_pool *p, void *block)
{
	if (!block)
		return;
	p->in_use--;
	if (p->nfree >= p->max_free) {
		free(block);
		return;
	}
	*(void **)block = p->free;
	p->free = block;
	p->nfree++;
}
