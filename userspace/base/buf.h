/* Growable byte buffer with a ceiling. A failed append marks the buffer; check buf_ok() once at the end. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max); /* max 0: 1 GiB */
void buf_free(struct buf *b);		  /* accepts a zeroed one */
void buf_reset(struct buf *b);		  /* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends s as the inside of a JSON string: escapes per RFC 8259 §7, bytes that are not UTF-8 as U+FFFD. */
void buf_json(struct buf *b, struct str s);
static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}
static inline struct str buf_view(const struct buf *b)
{
	return str_mk(b->p, b->n);
}
char *buf_take(struct buf *b); /* NUL-terminated, caller frees; the buffer is empty afterwards */
