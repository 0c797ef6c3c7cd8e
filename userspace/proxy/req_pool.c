/* The request free list. */
#include "proxy/req_pool.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define ARENA_LIMIT (1u << 20)

struct req *req_get(struct worker *w)
{
	struct req *r;
	if (list_empty(&w->free_reqs)) {
		r = mem_alloc(sizeof(*r));
	} else {
		r = container_of(w->free_reqs.next, struct req, link);
		list_remove(&r->link);
	}
	memset(r, 0, sizeof(*r));
	list_init(&r->link);
	list_init(&r->waiting);
	list_init(&r->turn.link);
	r->worker = w;
	r->item = -1;
	arena_init_source(&r->arena, &w->blocks.source, ARENA_LIMIT);
	r->pin = worker_pin(w);
	return r;
}

void req_put(struct req *r)
{
	struct worker *w = r->worker;
	arena_reset(&r->arena);
	worker_unpin(w, r->pin);
	list_push_front(&w->free_reqs, &r->link);
}

void req_pool_free(struct worker *w)
{
	list_each_safe (it, &w->free_reqs)
		free(container_of(it, struct req, link));
	list_init(&w->free_reqs);
}
