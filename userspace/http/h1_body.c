/* Message bodies: the chunked decoder as a byte machine over framing, and counting for the rest. */
#include "http/h1_body.h"
#include <errno.h>
#include "http/h1_parse.h"

enum {
	SIZE,
	SIZE_WS,
	EXT,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	BROKEN
};

void h1_body_init(struct h1_body *b, enum h1_body_kind kind, uint64_t length)
{
	*b = (struct h1_body){ .kind = kind, .left = kind == H1_BODY_LENGTH ? length : 0 };
	b->done = kind == H1_BODY_NONE || (kind == H1_BODY_LENGTH && length == 0);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunk-size line: 0 or -EBADMSG. White space may only stand before an extension (RFC 9112 §7.1.1). */
static int size_byte(struct h1_body *b, char c)
{
	int v = b->state == SIZE ? hex_value(c) : -1;
	if (v >= 0) {
		if (++b->digits > 15)
			return -EBADMSG;
		b->left = b->left << 4 | (unsigned)v;
		return 0;
	}
	if (b->digits == 0)
		return -EBADMSG;
	if (c == '\r' && b->state != SIZE_WS)
		b->state = SIZE_LF;
	else if (b->state == EXT && (c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f)))
		;
	else if (c == ';')
		b->state = EXT;
	else if (c == ' ' || c == '\t')
		b->state = SIZE_WS;
	else
		return -EBADMSG;
	return ++b->line > H1_MAX_CHUNK_LINE ? -EBADMSG : 0;
}

static int trailer_byte(struct h1_body *b, char c)
{
	if (++b->trailer > H1_MAX_TRAILER)
		return -EBADMSG;
	if (c == '\r' && b->state != TRAILER_NAME) {
		b->state = b->state == TRAILER_START ? END_LF : TRAILER_LF;
		return 0;
	}
	if (b->state == TRAILER_VALUE)
		return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f ? -EBADMSG : 0;
	if (b->state == TRAILER_NAME && c == ':')
		b->state = TRAILER_VALUE;
	else if (h1_is_token_char(c))
		b->state = TRAILER_NAME;
	else
		return -EBADMSG;
	b->fields = true;
	return 0;
}

static int expect(struct h1_body *b, char c, char want, uint8_t next)
{
	if (c != want)
		return -EBADMSG;
	b->state = next;
	return 0;
}

static int chunk_byte(struct h1_body *b, char c)
{
	switch (b->state) {
	case SIZE:
	case SIZE_WS:
	case EXT:
		return size_byte(b, c);
	case SIZE_LF:
		b->digits = 0;
		b->line = 0;
		return expect(b, c, '\n', b->left ? DATA : TRAILER_START);
	case DATA_CR:
		return expect(b, c, '\r', DATA_LF);
	case DATA_LF:
		return expect(b, c, '\n', SIZE);
	case TRAILER_START:
	case TRAILER_NAME:
	case TRAILER_VALUE:
		return trailer_byte(b, c);
	case TRAILER_LF:
		return expect(b, c, '\n', TRAILER_START);
	case END_LF:
		b->done = c == '\n';
		return b->done ? 0 : -EBADMSG;
	default:
		return -EBADMSG;
	}
}

static size_t min_size(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

int h1_body_next(struct h1_body *b, const char *p, size_t n, size_t *ret_skip, size_t *ret_data)
{
	size_t i = 0;
	bool in_trailer = b->state >= TRAILER_START;
	*ret_skip = *ret_data = 0;
	b->trailer_at = b->trailer_n = 0;
	if (b->done)
		return 0;
	if (b->kind == H1_BODY_CLOSE) {
		*ret_data = n;
		return 0;
	}
	if (b->kind == H1_BODY_LENGTH) {
		*ret_data = min_size(b->left, n);
		return 0;
	}
	while (i < n && b->state != DATA && !b->done) {
		int rc = chunk_byte(b, p[i++]);
		if (rc < 0) {
			b->state = BROKEN; /* for good: the same bytes must not be asked for a second opinion */
			return rc;
		}
		if (!in_trailer && b->state == TRAILER_START) {
			in_trailer = true;
			b->trailer_at = (uint32_t)i;
		}
	}
	*ret_skip = i;
	b->trailer_n = in_trailer ? (uint32_t)i - b->trailer_at : 0;
	if (b->state == DATA)
		*ret_data = min_size(b->left, n - i);
	return 0;
}

void h1_body_used(struct h1_body *b, size_t n)
{
	if (b->kind == H1_BODY_CLOSE)
		return;
	b->left -= n;
	if (b->left)
		return;
	if (b->kind == H1_BODY_LENGTH)
		b->done = true;
	else if (b->state == DATA)
		b->state = DATA_CR;
}
