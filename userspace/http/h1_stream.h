/* One HTTP/1.1 connection's bytes, either side: a receive buffer that exists only while needed, the body decoder, and
 * the framing of what we send. Policy-free; the request state machine drives two of these. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "net/block.h"
#include "net/conn.h"

struct h1_stream {
	struct conn conn;
	struct block_pool *pool;

	/* receiving: rx[start, end) is unread; the current head, if kept, lies below `floor` */
	char *rx;
	uint32_t rx_start, rx_end, rx_cap, rx_floor;
	char *rx_head; /* block that holds the head after the body moved to a block of its own */
	uint32_t rx_head_cap;
	uint32_t rx_max; /* ceiling of the receive buffer: the largest head */
	size_t scanned;	 /* h1_find_end */
	bool rx_eof;
	struct h1_body in;
	char *trailer; /* field lines behind the last chunk, from their first byte on; a block */
	uint32_t trailer_n;

	/* sending */
	enum h1_body_kind out;
	uint64_t out_left; /* LENGTH: promised and not yet accepted; CHUNKED: rest of the open chunk */
	bool out_chunk_open;
	char *tx; /* what the socket did not take: head remainder */
	uint32_t tx_start, tx_end, tx_cap;
	char tx_small[24]; /* framing remainder */
	uint8_t tx_small_start, tx_small_end;

	uint64_t rx_bytes, tx_bytes; /* raw, this exchange */
};

int h1_stream_open(struct h1_stream *s, struct block_pool *pool, struct loop *loop, int fd, uint32_t max_head,
		   void (*ready)(struct watch *w, uint32_t events));
void h1_stream_close(struct h1_stream *s); /* connection and buffers; harmless twice */
void h1_stream_reset(struct h1_stream *s); /* the same with RST */

/* Receives once if the connection may be readable. > 0 bytes, 0 at the end of the stream, -EAGAIN, -ENOBUFS (buffer
 * full), -errno. */
ssize_t h1_stream_fill(struct h1_stream *s);
static inline struct str h1_stream_pending(const struct h1_stream *s)
{
	return str_mk(s->rx + s->rx_start, s->rx_end - s->rx_start);
}
/* Parses a head from what is buffered. H1_OK: its bytes are consumed but kept in place until h1_stream_release_head().
 */
enum h1_error h1_stream_parse(struct h1_stream *s, bool request, struct field *fields, struct head *ret);
void h1_stream_release_head(struct h1_stream *s); /* views of the head die; an empty buffer goes back to the pool */

void h1_stream_forget_head(struct h1_stream *s); /* views of the head die; buffered body bytes stay where they are */

/* Body content that is ready: *ret non-empty and returns 1; 0 at the end of the body; -EAGAIN (nothing now); -EBADMSG,
 * -EPIPE (cut short), -errno. Receives when the buffer is empty. */
int h1_stream_peek(struct h1_stream *s, struct str *ret);
/* At the end of the body: the fields behind it, as views that live until h1_stream_release_head(). `fields` has room
 * for HEAD_MAX_FIELDS. 0 or -EBADMSG. */
int h1_stream_trailer(const struct h1_stream *s, struct field *fields, unsigned *ret_n);
void h1_stream_consume(struct h1_stream *s, size_t n);
/* Whether the body is complete once n more bytes are consumed, and without trailer fields, as far as the buffered bytes
 * tell. */
bool h1_stream_ends_after(const struct h1_stream *s, size_t n);

/* `out` may be NONE for a head that another one will follow (1xx).
 * Sends a serialised head and, in the same system call, the start of a body. Sets the outgoing framing. Returns how
 * much of `body` was accepted (>= 0) or -errno. `end`: body is all there is, so the last chunk can go with it. What the
 * socket does not take of the head is kept. */
ssize_t h1_stream_send_head(struct h1_stream *s, struct str head, enum h1_body_kind out, uint64_t length,
			    struct str body, bool end);
/* Sends body bytes under the framing set before. Returns how much was accepted, or -EAGAIN, -errno. */
ssize_t h1_stream_send(struct h1_stream *s, struct str body, bool end);
void h1_stream_send_raw(
	struct h1_stream *s); /* what is sent from now on is no message: no framing, no end but the FIN */
/* Last chunk, with these field lines behind it; 0 when everything has left, -EAGAIN (call again; the lines are kept),
 * -errno. */
int h1_stream_finish(struct h1_stream *s, struct str trailer);
int h1_stream_flush(struct h1_stream *s); /* 0, -EAGAIN, -errno */
static inline bool h1_stream_flushed(const struct h1_stream *s)
{
	return s->tx_start == s->tx_end && s->tx_small_start == s->tx_small_end && !s->conn.unsent;
}
