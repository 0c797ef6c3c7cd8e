/* Bump allocator: small requests share blocks, large ones get a block of their own (behind the current one, so that
 * its remainder stays in use). */
#include "base/arena.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN   16
#define ARENA_FIRST   1024
#define ARENA_LARGEST (64u << 10)

struct arena_block {
	struct arena_block *next;
	size_t size;	  /* whole block, header included */
	bool from_source; /* goes back to the source instead of free() */
} __attribute__((aligned(ARENA_ALIGN)));

struct arena_disposer {
	struct arena_disposer *next;
	void (*fn)(void *p);
	void *p;
};

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

void arena_init_source(struct arena *a, const struct arena_source *source, size_t limit)
{
	*a = (struct arena){ .source = source, .limit = limit };
}

static void run_disposers(struct arena *a)
{
	/* A disposer may itself add one: take from the head until none is left. */
	while (a->disposers) {
		struct arena_disposer *d = a->disposers;

		a->disposers = d->next;
		d->fn(d->p);
	}
}

void arena_reset(struct arena *a)
{
	struct arena_block *b, *next;

	run_disposers(a);
	for (b = a->blocks; b; b = next) {
		next = b->next;
		if (b->from_source)
			a->source->put(a->source->ctx, b);
		else
			free(b);
	}
	a->blocks = NULL;
	a->cur = a->end = NULL;
	a->used = 0;
}

/* Makes `b` the block that is bumped. */
static void block_use(struct arena *a, struct arena_block *b)
{
	b->next = a->blocks;
	a->blocks = b;
	a->cur = (char *)(b + 1);
	a->end = (char *)b + b->size;
}

static struct arena_block *block_malloc(size_t size)
{
	struct arena_block *b = mem_alloc(size);

	b->size = size;
	b->from_source = false;
	return b;
}

static void *alloc_large(struct arena *a, size_t n)
{
	struct arena_block *b = block_malloc(sizeof(*b) + n);

	if (!a->blocks) {
		block_use(a, b);
		a->cur = a->end;
	} else {
		b->next = a->blocks->next;
		a->blocks->next = b;
	}
	return b + 1;
}

/* Blocks from malloc grow with the arena, so that a snapshot of megabytes is not thousands of pieces. */
static size_t next_malloc_size(const struct arena *a)
{
	size_t size = a->blocks && !a->blocks->from_source ? a->blocks->size * 2 : ARENA_FIRST;

	return size > ARENA_LARGEST ? ARENA_LARGEST : size < ARENA_FIRST ? ARENA_FIRST : size;
}

static void *alloc_slow(struct arena *a, size_t n)
{
	struct arena_block *b = NULL;
	size_t size = a->source ? a->source->size : next_malloc_size(a);
	void *p;

	if (n > size - sizeof(*b) || (!a->source && n > size / 4))
		return alloc_large(a, n);
	if (a->source)
		b = a->source->get(a->source->ctx);
	if (b) {
		b->size = size;
		b->from_source = true;
	} else {
		b = block_malloc(size); /* the source has run dry: its own limit, not ours */
	}
	block_use(a, b);
	p = a->cur;
	a->cur += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t room = (size_t)(a->end - a->cur);
	void *p;

	if (n > SIZE_MAX / 2)
		return a->limit ? NULL : mem_realloc(NULL, n, 2); /* the latter reports and ends */
	n = n ? (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
	if (a->limit && n > a->limit - a->used)
		return NULL;
	a->used += n;
	if (n > room)
		return alloc_slow(a, n);
	p = a->cur;
	a->cur += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	return p ? memset(p, 0, n) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = n ? strnlen(s, n) : 0;
	char *p = arena_alloc(a, len + 1);

	if (!p)
		return NULL;
	if (len)
		memcpy(p, s, len);
	p[len] = 0;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_defer(struct arena *a, void (*fn)(void *p), void *p)
{
	struct arena_disposer *d = arena_alloc(a, sizeof(*d));

	/* Refusing to note a resource would leak it; a disposer is small enough to pass the limit. */
	if (!d) {
		d = alloc_large(a, sizeof(*d));
		a->used = a->limit;
	}
	*d = (struct arena_disposer){ a->disposers, fn, p };
	a->disposers = d;
}
