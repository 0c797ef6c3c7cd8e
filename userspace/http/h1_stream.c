/* HTTP/1.1 bytes in and out of one connection. */
#include "http/h1_stream.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* Below this much room after a head, the body gets a block of its own. */
#define MIN_BODY_ROOM 4096u

int h1_stream_open(struct h1_stream *s, struct block_pool *pool, struct loop *loop, int fd, uint32_t max_head,
		   void (*ready)(struct watch *w, uint32_t events))
{
	memset(s, 0, sizeof(*s));
	s->pool = pool;
	s->rx_max = max_head;
	return conn_open(&s->conn, loop, fd, ready);
}

static void buffer_put(struct h1_stream *s, char **p, uint32_t cap)
{
	if (cap == BLOCK_SIZE)
		block_put(s->pool, *p);
	else
		free(*p);
	*p = NULL;
}

static void trailer_put(struct h1_stream *s)
{
	block_put(s->pool, s->trailer);
	s->trailer = NULL;
	s->trailer_n = 0;
}

static void buffers_put(struct h1_stream *s)
{
	buffer_put(s, &s->rx, s->rx_cap);
	buffer_put(s, &s->rx_head, s->rx_head_cap);
	buffer_put(s, &s->tx, s->tx_cap);
	trailer_put(s);
	s->rx_start = s->rx_end = s->rx_cap = s->rx_floor = s->rx_head_cap = 0;
	s->tx_start = s->tx_end = s->tx_cap = 0;
	s->tx_small_start = s->tx_small_end = 0;
	s->scanned = 0;
}

void h1_stream_close(struct h1_stream *s)
{
	conn_close(&s->conn);
	buffers_put(s);
}

void h1_stream_reset(struct h1_stream *s)
{
	conn_reset(&s->conn);
	buffers_put(s);
}

/* A head that outgrows a block moves to a buffer of the largest size a head may have. */
static int grow(struct h1_stream *s)
{
	if (s->rx_floor || s->rx_cap >= s->rx_max)
		return -ENOBUFS;
	char *p = mem_alloc(s->rx_max);
	memcpy(p, s->rx, s->rx_end);
	buffer_put(s, &s->rx, s->rx_cap);
	s->rx = p;
	s->rx_cap = s->rx_max;
	return 0;
}

static int make_room(struct h1_stream *s)
{
	if (!s->rx) {
		s->rx = block_get(s->pool);
		s->rx_cap = BLOCK_SIZE;
		s->rx_start = s->rx_end = s->rx_floor = 0;
	}
	if (s->rx_start == s->rx_end)
		s->rx_start = s->rx_end = s->rx_floor;
	if (s->rx_end < s->rx_cap)
		return 0;
	if (s->rx_start > s->rx_floor) {
		memmove(s->rx + s->rx_floor, s->rx + s->rx_start, s->rx_end - s->rx_start);
		s->rx_end -= s->rx_start - s->rx_floor;
		s->rx_start = s->rx_floor;
		return 0;
	}
	return grow(s);
}

ssize_t h1_stream_fill(struct h1_stream *s)
{
	if (s->rx_eof)
		return 0;
	if (!s->conn.readable)
		return -EAGAIN;
	int rc = make_room(s);
	if (rc < 0)
		return rc;
	ssize_t n = conn_recv(&s->conn, s->rx + s->rx_end, s->rx_cap - s->rx_end);
	if (n == 0)
		s->rx_eof = true;
	if (n <= 0)
		return n;
	s->rx_end += (uint32_t)n;
	s->rx_bytes += (uint64_t)n;
	return n;
}

/* After a head the rest of its buffer serves the body, or a fresh block does when little is left. */
static void keep_head(struct h1_stream *s, size_t size)
{
	s->rx_start += (uint32_t)size;
	s->rx_floor = s->rx_start;
	s->scanned = 0;
	if (s->rx_cap - s->rx_floor >= MIN_BODY_ROOM)
		return;
	uint32_t rest = s->rx_end - s->rx_start;
	char *block = block_get(s->pool);
	memcpy(block, s->rx + s->rx_start, rest);
	s->rx_head = s->rx;
	s->rx_head_cap = s->rx_cap;
	s->rx = block;
	s->rx_cap = BLOCK_SIZE;
	s->rx_start = s->rx_floor = 0;
	s->rx_end = rest;
}

enum h1_error h1_stream_parse(struct h1_stream *s, bool request, struct field *fields, struct head *ret)
{
	struct str have = h1_stream_pending(s);
	if (have.n == 0)
		return H1_MORE;
	if (s->scanned) {
		enum h1_error e = h1_find_end(have.p, have.n, &s->scanned);
		if (e != H1_OK)
			return e;
	}
	enum h1_error e = request ? h1_parse_request(have.p, have.n, fields, ret)
				  : h1_parse_response(have.p, have.n, fields, ret);
	if (e == H1_OK && ret->size > s->rx_max)
		return H1_TOO_MANY_FIELDS;
	if (e == H1_OK)
		keep_head(s, ret->size);
	if (e == H1_MORE)
		s->scanned = have.n > 3 ? have.n - 3 : 1;
	return e;
}

void h1_stream_forget_head(struct h1_stream *s)
{
	buffer_put(s, &s->rx_head, s->rx_head_cap);
	s->rx_head_cap = 0;
	s->rx_floor = 0;
}

/* Bytes of the next message stay: at the front, in a plain block again if they fit. */
static void keep_rest(struct h1_stream *s)
{
	uint32_t rest = s->rx_end - s->rx_start;
	bool shrink = s->rx_cap != BLOCK_SIZE && rest <= BLOCK_SIZE;
	char *to = shrink ? block_get(s->pool) : s->rx;
	memmove(to, s->rx + s->rx_start, rest);
	if (shrink) {
		buffer_put(s, &s->rx, s->rx_cap);
		s->rx = to;
		s->rx_cap = BLOCK_SIZE;
	}
	s->rx_start = 0;
	s->rx_end = rest;
}

void h1_stream_release_head(struct h1_stream *s)
{
	h1_stream_forget_head(s);
	trailer_put(s);
	if (s->rx_start == s->rx_end) {
		buffer_put(s, &s->rx, s->rx_cap);
		s->rx_start = s->rx_end = s->rx_cap = 0;
	} else if (s->rx_cap != BLOCK_SIZE || s->rx_start > 0) {
		keep_rest(s);
	}
}

/* The decoder bounds a trailer section by H1_MAX_TRAILER. */
static void keep_trailer(struct h1_stream *s, const char *raw)
{
	_Static_assert(H1_MAX_TRAILER + 2 <= BLOCK_SIZE, "a trailer section fits a block");
	if (!s->trailer)
		s->trailer = block_get(s->pool);
	memcpy(s->trailer + s->trailer_n, raw + s->in.trailer_at, s->in.trailer_n);
	s->trailer_n += s->in.trailer_n;
}

/* What the decoder makes of the buffered bytes: 1 with content, 0 at the end, -EAGAIN for none yet. */
static int decode(struct h1_stream *s, struct str *ret)
{
	size_t skip, data;
	struct str raw = h1_stream_pending(s);
	int rc = h1_body_next(&s->in, raw.p, raw.n, &skip, &data);
	if (rc < 0)
		return rc;
	if (s->in.fields && s->in.trailer_n)
		keep_trailer(s, raw.p);
	s->rx_start += (uint32_t)skip;
	if (data) {
		*ret = str_mk(s->rx + s->rx_start, data);
		return 1;
	}
	return s->in.done ? 0 : -EAGAIN;
}

int h1_stream_peek(struct h1_stream *s, struct str *ret)
{
	for (;;) {
		int rc = s->in.done ? 0 : decode(s, ret);
		if (rc != -EAGAIN)
			return rc;
		ssize_t n = h1_stream_fill(s);
		if (n < 0)
			return (int)n;
		if (n > 0)
			continue;
		if (s->in.kind != H1_BODY_CLOSE)
			return -EPIPE;
		s->in.done = true;
	}
}

void h1_stream_consume(struct h1_stream *s, size_t n)
{
	s->rx_start += (uint32_t)n;
	h1_body_used(&s->in, n);
}

int h1_stream_trailer(const struct h1_stream *s, struct field *fields, unsigned *ret_n)
{
	*ret_n = 0;
	if (!s->trailer_n)
		return 0;
	return h1_parse_trailer(s->trailer, s->trailer_n, fields, ret_n) == H1_OK ? 0 : -EBADMSG;
}

bool h1_stream_ends_after(const struct h1_stream *s, size_t n)
{
	struct h1_body ahead = s->in;
	size_t skip, data;
	struct str raw = h1_stream_pending(s);
	h1_body_used(&ahead, n);
	return h1_body_next(&ahead, raw.p + n, raw.n - n, &skip, &data) == 0 && ahead.done && !ahead.fields;
}

static void keep_small(struct h1_stream *s, const char *p, size_t n)
{
	memmove(s->tx_small, p, n);
	s->tx_small_start = 0;
	s->tx_small_end = (uint8_t)n;
}

int h1_stream_flush(struct h1_stream *s)
{
	while (!h1_stream_flushed(s)) {
		struct iovec iov[2] = {
			{ s->tx + s->tx_start, s->tx_end - s->tx_start },
			{ s->tx_small + s->tx_small_start, (size_t)(s->tx_small_end - s->tx_small_start) },
		};
		if (!s->conn.writable)
			return -EAGAIN;
		ssize_t n = conn_writev(&s->conn, iov, iov[0].iov_len + iov[1].iov_len ? 2 : 0);
		if (n < 0)
			return (int)n;
		s->tx_bytes += (uint64_t)n;
		size_t first = (size_t)n < iov[0].iov_len ? (size_t)n : iov[0].iov_len;
		s->tx_start += (uint32_t)first;
		s->tx_small_start = (uint8_t)(s->tx_small_start + ((size_t)n - first));
	}
	if (s->tx) {
		buffer_put(s, &s->tx, s->tx_cap);
		s->tx_start = s->tx_end = s->tx_cap = 0;
	}
	s->tx_small_start = s->tx_small_end = 0;
	return 0;
}

/* Keeps what the socket did not take of a head, behind what it did not take of an earlier one (1xx). Heads and their
 * number are bounded, so this is too. */
static void keep_head_rest(struct h1_stream *s, struct str rest)
{
	uint32_t before = s->tx_end - s->tx_start;
	char *old = s->tx + s->tx_start, *was = s->tx;
	uint32_t was_cap = s->tx_cap;
	size_t n = before + rest.n;
	s->tx_cap = n <= BLOCK_SIZE ? BLOCK_SIZE : (uint32_t)n;
	s->tx = s->tx_cap == BLOCK_SIZE ? block_get(s->pool) : mem_alloc(s->tx_cap);
	if (before)
		memcpy(s->tx, old, before);
	memcpy(s->tx + before, rest.p, rest.n);
	buffer_put(s, &was, was_cap);
	s->tx_start = 0;
	s->tx_end = (uint32_t)n;
}

/* Framing in front of and behind body bytes; at most one chunk is open at a time. */
struct frame {
	char pre[24], post[8];
	size_t npre, npost, nbody;
	bool last;
};

static void frame_make(struct h1_stream *s, size_t body, bool end, struct frame *f)
{
	f->npre = f->npost = 0;
	f->last = false;
	f->nbody = body;
	if (s->out == H1_BODY_LENGTH && f->nbody > s->out_left)
		f->nbody = s->out_left;
	if (s->out != H1_BODY_CHUNKED || body == 0)
		return;
	if (!s->out_chunk_open) {
		static const char hex[] = "0123456789abcdef";
		char digits[16];
		size_t n = 0;
		for (size_t v = body; v; v >>= 4)
			digits[n++] = hex[v & 15];
		while (n)
			f->pre[f->npre++] = digits[--n];
		f->pre[f->npre++] = '\r';
		f->pre[f->npre++] = '\n';
		s->out_left = body;
		s->out_chunk_open = true;
	}
	if (f->nbody > s->out_left)
		f->nbody = s->out_left;
	if (f->nbody == s->out_left) {
		f->last = end && f->nbody == body;
		f->npost = f->last ? 7 : 2;
		memcpy(f->post, "\r\n0\r\n\r\n", f->npost);
	}
}

/* Books `sent` bytes of [pre][body][post]; keeps framing that did not leave. Returns the body bytes accepted. */
static size_t frame_book(struct h1_stream *s, const struct frame *f, size_t sent)
{
	if (sent < f->npre) {
		keep_small(s, f->pre + sent, f->npre - sent);
		return 0;
	}
	size_t body = sent - f->npre < f->nbody ? sent - f->npre : f->nbody;
	if (s->out != H1_BODY_CLOSE && s->out != H1_BODY_NONE)
		s->out_left -= body;
	if (s->out != H1_BODY_CHUNKED || body < f->nbody || f->npost == 0)
		return body;
	s->out_chunk_open = false;
	if (f->last)
		s->out = H1_BODY_NONE;
	size_t post = sent - f->npre - f->nbody;
	if (post < f->npost)
		keep_small(s, f->post + post, f->npost - post);
	return body;
}

ssize_t h1_stream_send_head(struct h1_stream *s, struct str head, enum h1_body_kind out, uint64_t length,
			    struct str body, bool end)
{
	s->out = out;
	s->out_left = out == H1_BODY_LENGTH ? length : 0;
	s->out_chunk_open = false;
	if (!h1_stream_flushed(s)) {
		keep_head_rest(s, head);
		return 0;
	}
	struct frame f;
	frame_make(s, body.n, end, &f);
	struct iovec iov[4] = {
		{ (void *)head.p, head.n },
		{ f.pre, f.npre },
		{ (void *)body.p, f.nbody },
		{ f.post, f.npost },
	};
	ssize_t n = conn_writev(&s->conn, iov, f.npre ? 4 : f.nbody ? 3 : 1);
	if (n == -EAGAIN)
		n = 0;
	if (n < 0)
		return n;
	s->tx_bytes += (uint64_t)n;
	if ((size_t)n >= head.n)
		return (ssize_t)frame_book(s, &f, (size_t)n - head.n);
	keep_head_rest(s, str_skip(head, (size_t)n));
	if (f.npre)
		s->out_chunk_open = false;
	if (out == H1_BODY_CHUNKED)
		s->out_left = 0;
	return 0;
}

ssize_t h1_stream_send(struct h1_stream *s, struct str body, bool end)
{
	int rc = h1_stream_flush(s);
	if (rc < 0)
		return rc;
	if (body.n == 0)
		return 0;
	if (!s->conn.writable)
		return -EAGAIN;
	struct frame f;
	frame_make(s, body.n, end, &f);
	if (f.nbody == 0)
		return -EMSGSIZE;
	struct iovec iov[3] = { { f.pre, f.npre }, { (void *)body.p, f.nbody }, { f.post, f.npost } };
	ssize_t n = conn_writev(&s->conn, f.npre ? iov : iov + 1, f.npre ? 3 : f.npost ? 2 : 1);
	if (n == -EAGAIN && f.npre) {
		s->out_chunk_open = false;
		s->out_left = 0;
	}
	if (n < 0)
		return n;
	s->tx_bytes += (uint64_t)n;
	return (ssize_t)frame_book(s, &f, (size_t)n);
}

void h1_stream_send_raw(struct h1_stream *s)
{
	s->out = H1_BODY_CLOSE;
	s->out_left = 0;
	s->out_chunk_open = false;
}

static void queue_last_chunk(struct h1_stream *s, struct str trailer)
{
	size_t n = trailer.n + 5;
	if (trailer.n == 0) {
		keep_small(s, "0\r\n\r\n", 5);
		return;
	}
	s->tx_cap = n <= BLOCK_SIZE ? BLOCK_SIZE : (uint32_t)n;
	s->tx = s->tx_cap == BLOCK_SIZE ? block_get(s->pool) : mem_alloc(s->tx_cap);
	memcpy(s->tx, "0\r\n", 3);
	memcpy(s->tx + 3, trailer.p, trailer.n);
	memcpy(s->tx + 3 + trailer.n, "\r\n", 2);
	s->tx_start = 0;
	s->tx_end = (uint32_t)n;
}

int h1_stream_finish(struct h1_stream *s, struct str trailer)
{
	if (s->out == H1_BODY_CHUNKED) {
		int rc = h1_stream_flush(s);
		if (rc < 0)
			return rc;
		queue_last_chunk(s, trailer);
		s->out = H1_BODY_NONE;
	}
	return h1_stream_flush(s);
}
