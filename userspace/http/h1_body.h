/* HTTP/1.1 message bodies: decoding (RFC 9112 §6-§7) without copying, and framing of what is sent. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

enum h1_body_kind { H1_BODY_NONE, H1_BODY_LENGTH, H1_BODY_CHUNKED, H1_BODY_CLOSE };

struct h1_body {
	enum h1_body_kind kind;
	bool done;
	uint8_t state;	  /* chunked decoder */
	uint8_t digits;	  /* of the chunk size so far */
	uint16_t line;	  /* bytes of the current extension or trailer line */
	uint32_t trailer; /* bytes of the trailer section */
	bool fields;	  /* it has field lines */
	/* which of the bytes of the last h1_body_next() belong to it */
	uint32_t trailer_at, trailer_n;
	uint64_t left; /* LENGTH: of the body; CHUNKED: of the chunk */
};

#define H1_MAX_CHUNK_LINE 256 /* size, extensions */
#define H1_MAX_TRAILER	  8192u

void h1_body_init(struct h1_body *b, enum h1_body_kind kind, uint64_t length);
/* The trailer section is checked against the grammar of field lines, and otherwise skipped like framing.
 * Looks at raw bytes p[0..n): ret_skip are framing bytes to drop first, then ret_data bytes of content follow directly
 * (0: none yet). The caller drops ret_skip, uses up to ret_data and reports that with h1_body_used(). 0 or -EBADMSG.
 * Sets done at the end. */
int h1_body_next(struct h1_body *b, const char *p, size_t n, size_t *ret_skip, size_t *ret_data);
void h1_body_used(struct h1_body *b, size_t n);
