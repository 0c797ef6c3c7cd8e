/* The demo backend's HTTP/1.1 server: keep-alive, pipelining, both body framings, streamed answers. One connection
 * holds one head and a bounded amount of output; nothing is read while the client does not take its answer. Errors end
 * the connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/whoami.h"
#include "app/whoami_page.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "http/status.h"

#define IN_FIRST   4096u
#define IN_MAX	   (80u << 10)	/* the largest head plus what follows it in one read */
#define OUT_FULL   (64u << 10)	/* no more is produced while this much waits */
#define OUT_MAX	   (512u << 10) /* answers are built whole up to here: a page that quotes the largest head as JSON */
#define SILENCE_MS 180000u	/* longer than a balancer keeps idle connections */

enum step { STEP_HEAD, STEP_BODY, STEP_BODY_END, STEP_PRODUCE, STEP_DONE, STEP_LINGER };
enum next { NEXT_ON, NEXT_WAIT, NEXT_CLOSE };

struct http {
	struct watch watch;
	struct timer silence, hold;
	struct deferred gone;
	struct whoami *who;
	enum step step;
	bool readable, ended; /* ended: the client sends no more */
	bool holding;	      /* ?wait: output stays here */
	char *in;
	size_t nin, cap, scanned;
	struct buf out;
	size_t sent;
	struct page page; /* of the request being answered */
	struct h1_body body;
	bool no_content; /* HEAD: headers only */
	bool keep, http10;
	char small[16]; /* body of POST /health */
	size_t nsmall;
};

static void http_free(struct deferred *d)
{
	struct http *h = container_of(d, struct http, gone);

	buf_free(&h->out);
	free(h->in);
	free(h);
}

static void http_close(struct http *h)
{
	struct whoami *who = h->who;
	int fd = h->watch.fd;

	timer_cancel(&who->loop.wheel, &h->silence);
	timer_cancel(&who->loop.wheel, &h->hold);
	loop_del(&who->loop, &h->watch);
	close(fd);
	who->connections--;
	loop_defer(&who->loop, &h->gone, http_free);
}

static void consume(struct http *h, size_t n)
{
	h->nin -= n;
	memmove(h->in, h->in + n, h->nin);
	h->scanned = 0;
}

/* Reads what there is and fits. False: nothing new. */
static bool fill(struct http *h)
{
	ssize_t n;

	if (h->nin == h->cap && h->cap < IN_MAX) {
		h->cap = h->cap ? h->cap * 2 : IN_FIRST;
		h->cap = h->cap > IN_MAX ? IN_MAX : h->cap;
		h->in = mem_realloc(h->in, h->cap, 1);
	}
	if (!h->readable || h->ended || h->nin == h->cap)
		return false;
	n = recv(h->watch.fd, h->in + h->nin, h->cap - h->nin, 0);
	if (n > 0) {
		h->nin += (size_t)n;
		return true;
	}
	if (n < 0 && errno == EAGAIN)
		h->readable = false;
	else
		h->ended = true;
	return false;
}

/* As most servers do, all but the echo answer when they have read the request to its end. */
static bool held(const struct http *h)
{
	return h->holding || (h->step == STEP_BODY && h->page.kind != PAGE_ECHO);
}

/* 0, or -errno when the connection is lost. */
static int flush(struct http *h)
{
	while (!held(h) && h->sent < h->out.n) {
		ssize_t n = send(h->watch.fd, h->out.p + h->sent, h->out.n - h->sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		h->sent += (size_t)n;
	}
	if (h->sent == h->out.n) {
		buf_reset(&h->out);
		h->sent = 0;
	}
	return 0;
}

static size_t waiting(const struct http *h)
{
	return h->out.n - h->sent;
}

static void answer_head(struct http *h, int status, const char *type, int64_t length)
{
	struct str line = status_line((unsigned)status);
	struct str date = date_get(&h->who->date, clock_wall_ns());
	bool bodiless = status < 200 || status == 204 || status == 304;

	if (line.n)
		buf_str(&h->out, line);
	else
		buf_printf(&h->out, "HTTP/1.1 %d \r\n", status);
	buf_printf(&h->out, "Date: %.*s\r\n", STR_ARG(date));
	if (!bodiless)
		buf_printf(&h->out, "Content-Type: %s\r\n", type);
	if (!bodiless && length >= 0)
		buf_printf(&h->out, "Content-Length: %lld\r\n", (long long)length);
	if (!bodiless && length < 0 && !h->http10)
		buf_puts(&h->out, "Transfer-Encoding: chunked\r\n");
	if (!h->keep)
		buf_puts(&h->out, "Connection: close\r\n");
	else if (h->http10)
		buf_puts(&h->out, "Connection: keep-alive\r\n");
	buf_puts(&h->out, "\r\n");
	h->no_content |= bodiless;
}

static void answer_text(struct http *h, int status, const char *text)
{
	answer_head(h, status, "text/plain; charset=utf-8", (int64_t)strlen(text));
	if (!h->no_content)
		buf_puts(&h->out, text);
}

static void answer_page(struct http *h, const struct head *req)
{
	struct buf body;
	char local[ENDPOINT_TEXT_MAX], peer[ENDPOINT_TEXT_MAX];

	whoami_endpoint_text(h->watch.fd, false, local);
	whoami_endpoint_text(h->watch.fd, true, peer);
	buf_init(&body, OUT_MAX);
	page_write(&body, &(struct page_facts){ h->who->name, h->who->hostname, local, peer, req }, h->page.json);
	answer_head(h, h->page.status, h->page.json ? "application/json" : "text/plain; charset=utf-8",
		    (int64_t)body.n);
	if (!h->no_content)
		buf_str(&h->out, buf_view(&body));
	buf_free(&body);
}

/* Heads (and short answers) go out before the body is read; what comes after it is up to step_body_end(). */
static void answer_start(struct http *h, const struct head *req)
{
	struct page *p = &h->page;
	int64_t length;

	switch (p->kind) {
	case PAGE_WHOAMI:
		answer_page(h, req);
		return;
	case PAGE_SIZE:
	case PAGE_CHUNKED:
		if (p->kind == PAGE_CHUNKED && h->http10)
			h->keep = false; /* the end of the connection ends the body */
		answer_head(h, p->status, "application/octet-stream", p->kind == PAGE_SIZE ? (int64_t)p->left : -1);
		return;
	case PAGE_ECHO:
		length = req->content_length < 0 ? 0 : req->content_length;
		answer_head(h, p->status, "application/octet-stream", req->chunked ? -1 : length);
		return;
	case PAGE_HEALTH:
	case PAGE_SET_HEALTH:
		return;
	}
}

static enum next step_head(struct http *h)
{
	struct field fields[HEAD_MAX_FIELDS];
	struct head req;
	enum h1_error e = h->nin ? h1_find_end(h->in, h->nin, &h->scanned) : H1_MORE;

	if (e == H1_OK)
		e = h1_parse_request(h->in, h->nin, fields, &req);
	if (e == H1_MORE && (h->nin < IN_MAX || waiting(h)))
		return h->ended && !waiting(h) ? NEXT_CLOSE : NEXT_WAIT;
	h->no_content = h->keep = h->http10 = false;
	if (e != H1_OK) {
		answer_text(h, e == H1_MORE ? 431 : h1_error_status(e), "bad request\n");
		h->step = STEP_LINGER;
		return NEXT_ON;
	}
	h->keep = !req.close;
	h->http10 = req.minor == 0;
	h->no_content = str_eq(req.method, STR("HEAD"));
	h->nsmall = 0;
	page_choose(&h->page, &req);
	if (req.expect_continue && !h->http10) {
		buf_puts(&h->out, "HTTP/1.1 100 Continue\r\n\r\n");
		flush(h);
	}
	if (h->page.wait_ms) {
		h->holding = true;
		timer_set(&h->who->loop.wheel, &h->hold, h->who->loop.now_ns / NS_PER_MS + h->page.wait_ms);
	}
	h1_body_init(&h->body,
		     req.chunked	      ? H1_BODY_CHUNKED
		     : req.content_length > 0 ? H1_BODY_LENGTH
					      : H1_BODY_NONE,
		     req.content_length > 0 ? (uint64_t)req.content_length : 0);
	answer_start(h, &req);
	consume(h, req.size);
	h->step = STEP_BODY;
	return NEXT_ON;
}

static void content(struct http *h, const char *p, size_t n)
{
	if (h->page.kind == PAGE_SET_HEALTH) {
		for (size_t i = 0; i < n && h->nsmall < sizeof(h->small); i++)
			h->small[h->nsmall++] = p[i];
		return;
	}
	if (h->page.kind != PAGE_ECHO || h->no_content)
		return;
	if (h->body.kind == H1_BODY_CHUNKED && !h->http10)
		buf_printf(&h->out, "%zx\r\n", n);
	buf_add(&h->out, p, n);
	if (h->body.kind == H1_BODY_CHUNKED && !h->http10)
		buf_puts(&h->out, "\r\n");
}

static enum next step_body(struct http *h)
{
	size_t at = 0, skip, data;
	bool full = false;

	while (!h->body.done && !full) {
		if (h1_body_next(&h->body, h->in + at, h->nin - at, &skip, &data) < 0)
			return NEXT_CLOSE;
		at += skip;
		if (!data && !skip)
			break;
		if (data) {
			content(h, h->in + at, data);
			h1_body_used(&h->body, data);
			at += data;
		}
		full = waiting(h) >= OUT_FULL;
	}
	consume(h, at);
	if (h->body.done) {
		h->step = STEP_BODY_END;
		return NEXT_ON;
	}
	return h->ended ? NEXT_CLOSE : NEXT_WAIT;
}

static void set_health(struct http *h)
{
	uint64_t v;

	if (num_u64(str_trim(str_mk(h->small, h->nsmall)), &v) < 0 || v < 200 || v > 599) {
		answer_text(h, 400, "a status from 200 to 599\n");
		return;
	}
	h->who->health = (int)v;
	answer_text(h, 200, "noted\n");
}

static enum next step_body_end(struct http *h)
{
	h->step = STEP_DONE;
	if (h->page.kind == PAGE_HEALTH)
		answer_text(h, h->who->health, "health\n");
	if (h->page.kind == PAGE_SET_HEALTH)
		set_health(h);
	if (h->page.kind == PAGE_ECHO && h->body.kind == H1_BODY_CHUNKED && !h->no_content && !h->http10)
		buf_puts(&h->out, "0\r\n\r\n");
	if ((h->page.kind == PAGE_SIZE || h->page.kind == PAGE_CHUNKED) && !h->no_content)
		h->step = STEP_PRODUCE;
	return NEXT_ON;
}

static enum next step_produce(struct http *h)
{
	bool chunks = h->page.kind == PAGE_CHUNKED;

	if (waiting(h) >= OUT_FULL)
		return NEXT_WAIT;
	if (h->page.left && chunks)
		page_chunk(&h->page, &h->out, !h->http10);
	else if (h->page.left)
		page_bytes(&h->page, &h->out);
	if (h->page.left)
		return NEXT_ON;
	if (chunks && !h->http10)
		buf_puts(&h->out, "0\r\n\r\n");
	h->step = STEP_DONE;
	return NEXT_ON;
}

static enum next step_done(struct http *h)
{
	if (!buf_ok(&h->out))
		return NEXT_CLOSE;
	if (!h->keep) {
		h->step = STEP_LINGER;
		return NEXT_ON;
	}
	/* A pipelined request waits until the answer before it is nearly out. */
	if (h->holding || waiting(h) >= OUT_FULL)
		return NEXT_WAIT;
	h->step = STEP_HEAD;
	return NEXT_ON;
}

/* The answer is out: stop sending, and read on until the client has closed, so that it is not reset before it has read
 * all. */
static enum next step_linger(struct http *h)
{
	if (waiting(h))
		return NEXT_WAIT;
	if (h->ended)
		return NEXT_CLOSE;
	shutdown(h->watch.fd, SHUT_WR);
	h->nin = 0;
	return NEXT_WAIT;
}

static enum next run_steps(struct http *h)
{
	static enum next (*const steps[])(struct http *) = {
		[STEP_HEAD] = step_head,       [STEP_BODY] = step_body, [STEP_BODY_END] = step_body_end,
		[STEP_PRODUCE] = step_produce, [STEP_DONE] = step_done, [STEP_LINGER] = step_linger,
	};
	enum next n;

	do {
		n = steps[h->step](h);
	} while (n == NEXT_ON);
	return n;
}

/* Goes on until neither reading nor writing gets any further. */
static void http_run(struct http *h)
{
	bool more = true;

	while (more) {
		bool had_output, was_ended = h->ended;
		enum next n = run_steps(h);

		had_output = waiting(h) > 0;
		if (flush(h) < 0 || n == NEXT_CLOSE) {
			http_close(h);
			return;
		}
		more = had_output && !waiting(h);
		if (waiting(h) < OUT_FULL)
			more |= fill(h);
		more |= h->ended != was_ended;
	}
	timer_set(&h->who->loop.wheel, &h->silence, h->who->loop.now_ns / NS_PER_MS + SILENCE_MS);
}

static void http_ready(struct watch *w, uint32_t events)
{
	struct http *h = container_of(w, struct http, watch);

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		h->readable = true;
	http_run(h);
}

static void silence_fired(struct timer *t)
{
	http_close(container_of(t, struct http, silence));
}

static void hold_fired(struct timer *t)
{
	struct http *h = container_of(t, struct http, hold);

	h->holding = false;
	http_run(h);
}

void whoami_http_accepted(struct whoami *who, int fd)
{
	struct http *h = mem_zalloc(sizeof(*h));

	h->watch = (struct watch){ .fd = -1, .ready = http_ready };
	h->who = who;
	h->readable = true;
	buf_init(&h->out, 2 * OUT_MAX);
	timer_init(&h->silence, silence_fired);
	timer_init(&h->hold, hold_fired);
	if (loop_add(&who->loop, &h->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0) {
		close(fd);
		http_free(&h->gone);
		return;
	}
	who->connections++;
	http_run(h);
}
