/* Bump allocator with disposers: everything in an arena is freed at once, nothing singly.
 * Not thread-safe. Blocks come from malloc, or from a block source given by the owner (a worker's pool). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct arena_block;
struct arena_disposer;

/* Where blocks come from. `size` is fixed per source; larger requests go to malloc. */
struct arena_source {
	void *(*get)(void *ctx);
	void (*put)(void *ctx, void *block);
	void *ctx;
	size_t size;
};

struct arena {
	struct arena_block *blocks;
	char *cur, *end;
	struct arena_disposer *disposers;
	const struct arena_source *source; /* NULL: malloc */
	size_t used, limit;		   /* bytes handed out and their ceiling; limit 0: none */
};

void arena_init(struct arena *a);
void arena_init_source(struct arena *a, const struct arena_source *source, size_t limit);
/* Runs disposers (last added first) and gives every block back; the arena can be used again. */
void arena_reset(struct arena *a);
/* 16-byte aligned. NULL only when `limit` would be passed (an arena without a limit never returns NULL). */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
char *arena_strndup(struct arena *a, const char *s, size_t n); /* NUL-terminated */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* fn(p) runs at reset: for fds, references, anything malloc'ed. */
void arena_defer(struct arena *a, void (*fn)(void *p), void *p);
