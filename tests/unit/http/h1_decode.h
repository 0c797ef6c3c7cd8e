/* Runs bytes through the body decoder as a receive buffer would, in pieces of any size: what must not change the
 * outcome. */
#pragma once
#include "base/buf.h"
#include "http/h1_body.h"

struct h1_decoded {
	struct buf content;
	bool bad, done;
	size_t consumed; /* framing and content, when done */
};

/* Everything that is decodable in p[0..n), taking at most `bite` bytes of content at a time; returns what was consumed.
 */
static inline size_t h1_decode_some(struct h1_body *b, const char *p, size_t n, size_t bite, struct h1_decoded *d)
{
	size_t at = 0;
	for (;;) {
		size_t skip, data;
		if (h1_body_next(b, p + at, n - at, &skip, &data) < 0) {
			d->bad = true;
			return at;
		}
		at += skip;
		if (data == 0)
			return at;
		data = data < bite ? data : bite;
		buf_add(&d->content, p + at, data);
		h1_body_used(b, data);
		at += data;
	}
}

/* The bytes arrive in pieces of `piece`. Outcome in d, whose content the caller frees. */
static inline void h1_decode(enum h1_body_kind kind, uint64_t length, const char *p, size_t n, size_t piece,
			     size_t bite, struct h1_decoded *d)
{
	struct h1_body b;
	size_t at = 0, have = 0;
	*d = (struct h1_decoded){ 0 };
	buf_init(&d->content, 0);
	h1_body_init(&b, kind, length);
	while (have < n && !d->bad && !b.done) {
		have = n - have > piece ? have + piece : n;
		at += h1_decode_some(&b, p + at, have - at, bite, d);
	}
	d->done = b.done;
	d->consumed = at;
}
