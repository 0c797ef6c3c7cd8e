/* The life of a request: one function per step, from its head to its log line. Each returns NEXT (another step was
 * set), WAIT (an event or a timer calls req_run again) or END (the request is over and must not be touched). The
 * response half is http_response.c. */
#include "proxy/http_fsm.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "backend/pool.h"
#include "proxy/deadline.h"
#include "proxy/forwarded.h"
#include "proxy/h1_server.h"
#include "proxy/req_pool.h"
#include "proxy/slots.h"
#include "proxy/tunnel.h"
#include "proxy/tls_up.h"
#include "tls/peer.h"

#define MAX_RESPONSE_HEAD 65536u
#define MAX_INTERIMS	  16 /* 1xx answers before the real one */

/* Closes the server connection of this attempt. */
static void drop_server(struct req *r)
{
	if (!r->up)
		return;
	r->up->owner = NULL;
	h1_client_free(&r->up);
}

static void note_failure(struct req *r, enum reason why)
{
	if (r->reason == REASON_NONE)
		r->reason = why;
	r->keep_up = false;
	r->waiting_mw = false;
	drop_server(r);
	slots_forget(r);
}

/* No answer, or no more of it. */
static void cut_off(struct req *r, int status)
{
	r->keep_down = false;
	r->status = r->head_sent ? r->status : status;
	r->step = REQ_DONE;
}

void req_fail(struct req *r, enum reason why)
{
	note_failure(r, why);
	bool client_lost = why == REASON_CLIENT_GONE || why == REASON_WRITE_TIMEOUT;
	int status = reason_status(why);
	if (r->head_sent || client_lost || status == 0) {
		cut_off(r, status);
		return;
	}
	reply_set(r, status);
	r->step = REQ_RESPONSE_PHASE;
}

/* ---- REQUEST PHASE ---- */

static enum step_result step_request_phase(struct req *r)
{
	while (r->next_mw < r->route->nmws) {
		const struct mw *m = &r->route->mws[r->next_mw++];
		r->seen_mws = r->next_mw;
		enum mw_result rc = m->type->on_request ? m->type->on_request(m->ctx, r) : MW_NEXT;
		if (rc == MW_REPLIED) {
			r->replied = true;
			return step_to(r, REQ_RESPONSE_PHASE);
		}
		if (rc == MW_WAIT) {
			r->waiting_mw = true;
			return STEP_WAIT;
		}
	}
	return step_to(r, r->route->internal ? REQ_INTERNAL : REQ_PICK);
}

void phase_resume(struct req *r)
{
	r->waiting_mw = false;
	req_run(r);
}

/* ---- PICK and DIAL ---- */

/* What keeps a client with its server, for the policies that ask for it. */
static uint64_t affinity_key(const struct req *r)
{
	if (!r->route->service->policy->by_client)
		return 0;
	return hash_bytes(&r->peer.addr, sizeof(r->peer.addr), 0);
}

static enum step_result step_pick(struct req *r)
{
	if (!r->route->service)
		return step_fail(r, REASON_NO_SERVER);
	r->up_start_ns = r->worker->loop.now_ns;
	r->target = service_pick(r->route->service, r->worker->id, affinity_key(r), &r->item);
	return r->target ? step_to(r, REQ_QUEUE) : step_fail(r, REASON_NO_SERVER);
}

static void on_server_event(struct h1_client *c)
{
	req_run(c->owner);
}

static void on_dial_timeout(struct timer *t)
{
	struct h1_client *c = container_of(t, struct h1_client, timer);
	struct req *r = c->owner;
	if (!r || r->step != REQ_DIAL)
		return;
	req_fail(r, REASON_DIAL_TIMEOUT);
	req_run(r);
}

static void own_server(struct req *r, struct h1_client *c)
{
	r->up = c;
	c->owner = r;
	c->on_event = on_server_event;
	c->target = r->target;
}

static enum step_result dial(struct req *r)
{
	struct worker *w = r->worker;
	struct h1_client *c;
	if (h1_client_dial(&r->target->at, &w->loop, &w->blocks, MAX_RESPONSE_HEAD, &c) < 0)
		return step_fail(r, REASON_DIAL_FAILED);
	own_server(r, c);
	c->timer.fire = on_dial_timeout;
	int64_t limit = r->route->service->limits.dial_ns;
	if (limit)
		timer_set(&w->loop.wheel, &c->timer, (w->loop.now_ns + (uint64_t)limit) / NS_PER_MS + 1);
	return STEP_WAIT;
}

/* A client that hangs up while it waits for an answer has no more use for it; one that only sent further requests and
 * then a FIN has. */
bool req_client_left(const struct req *r)
{
	struct conn *c = &r->down->stream.conn;
	if (c->failed)
		return true;
	return c->hangup && r->body_in_done && h1_stream_pending(&r->down->stream).n == 0 && conn_probe(c) <= 0;
}

static enum step_result step_dial(struct req *r)
{
	if (!r->up) {
		struct h1_client *c = r->attempts++ == 0 ? pool_take(r->target, r->worker->id) : NULL;
		if (!c)
			return dial(r);
		own_server(r, c);
		return step_to(r, REQ_SEND);
	}
	if (req_client_left(r))
		return step_fail(r, REASON_CLIENT_GONE);
	int rc = r->up->connected ? 0 : h1_client_check(r->up);
	enum reason why = rc == -ETIMEDOUT ? REASON_DIAL_TIMEOUT : REASON_DIAL_FAILED;
	if (rc == 0 && r->target->secure)
		rc = tls_up_run(r, &why);
	if (rc == -EAGAIN)
		return STEP_WAIT;
	return rc < 0 ? step_fail(r, why) : step_to(r, REQ_SEND);
}

/* ---- SEND ---- */

static enum h1_body_kind request_framing(const struct req *r)
{
	return r->in.chunked ? H1_BODY_CHUNKED : r->in.content_length > 0 ? H1_BODY_LENGTH : H1_BODY_NONE;
}

static enum step_result lost_server(struct req *r, enum reason why)
{
	static const char *const idempotent[] = { "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE" };
	bool again = r->up->reused && r->attempts == 1 && !r->body_sent_any && reason_retryable(why);
	bool safe = false;
	for (size_t i = 0; i < ARRAY_LEN(idempotent); i++)
		safe |= str_eq(r->method, str_of(idempotent[i]));
	if (!again || !safe)
		return step_fail(r, why);
	drop_server(r);
	return step_to(r, REQ_DIAL);
}

/* The server's time to answer begins when it has the whole request. */
static void note_asked(struct req *r)
{
	if (!r->body_out_done)
		return;
	r->asked_ns = r->worker->loop.now_ns;
	if (r->route->service->limits.response_head_ns)
		r->arm = true;
}

static enum step_result step_send(struct req *r)
{
	struct worker *w = r->worker;
	struct out o = { w->scratch, w->scratch, w->scratch + sizeof(w->scratch), false };
	struct str body = { 0 };
	struct h1_stream *down = &r->down->stream, *up = &r->up->stream;
	r->up_start_ns = w->loop.now_ns;
	forwarded_request(r, &o);
	if (o.full)
		return step_fail(r, REASON_HEAD_TOO_LARGE);
	int more = r->body_in_done ? 0 : h1_stream_peek(down, &body);
	if (more < 0 && more != -EAGAIN)
		return step_fail(r, more == -EBADMSG ? REASON_BAD_BODY : REASON_CLIENT_GONE);
	bool end = more == 1 && h1_stream_ends_after(down, body.n);
	ssize_t n = h1_stream_send_head(up, out_view(&o), request_framing(r),
					r->in.content_length > 0 ? (uint64_t)r->in.content_length : 0, body, end);
	if (n < 0)
		return lost_server(r, REASON_SERVER_RESET);
	if (n > 0) {
		h1_stream_consume(down, (size_t)n);
		r->request_bytes += (uint64_t)n;
		r->body_sent_any = true;
	}
	r->body_in_done |= down->in.done;
	r->body_out_done = r->body_in_done && h1_stream_flushed(up) && (up->out != H1_BODY_CHUNKED);
	note_asked(r);
	return step_to(r, REQ_AWAIT);
}

/* The end of a body, with the fields that came behind it where the other side takes them. */
int req_finish_body(struct req *r, struct h1_stream *from, struct h1_stream *to, bool trailers)
{
	struct worker *w = r->worker;
	struct out o = { w->scratch, w->scratch, w->scratch + sizeof(w->scratch), false };
	unsigned n = 0;
	if (to->out == H1_BODY_CHUNKED && trailers && h1_stream_trailer(from, w->fields, &n) < 0)
		return -EBADMSG;
	forwarded_trailer(w->fields, n, &o);
	return h1_stream_finish(to, out_view(&o));
}

/* Moves request body from client to server as far as both allow. Returns false when the request failed (next step is
 * set). */
bool req_pump_body(struct req *r)
{
	struct h1_stream *down = &r->down->stream, *up = &r->up->stream;
	while (!r->body_out_done) {
		struct str view;
		int rc = r->body_in_done ? 0 : h1_stream_peek(down, &view);
		if (rc == -EAGAIN)
			return true;
		if (rc < 0) {
			req_fail(r, rc == -EBADMSG ? REASON_BAD_BODY : REASON_CLIENT_GONE);
			return false;
		}
		ssize_t n;
		if (rc == 0) {
			r->body_in_done = true;
			n = req_finish_body(r, down, up, true);
			r->body_out_done = n == 0;
			note_asked(r);
		} else {
			n = h1_stream_send(up, view, h1_stream_ends_after(down, view.n));
		}
		if (n == -EAGAIN)
			return true;
		if (n == -EBADMSG) {
			req_fail(r, REASON_BAD_BODY);
			return false;
		}
		if (n < 0) {
			/* The server may have answered early and stopped reading: its answer is what counts. */
			r->body_out_done = true;
			r->keep_down = r->keep_down && r->body_in_done;
			r->server_deaf = true;
			return true;
		}
		if (rc == 1) {
			h1_stream_consume(down, (size_t)n);
			r->request_bytes += (uint64_t)n;
			r->body_sent_any = true;
			r->moved_ns = r->worker->loop.now_ns;
		}
	}
	return true;
}

/* ---- AWAIT ---- */

/* RFC 9110 §15.2: passed on, except to HTTP/1.0 clients. */
static enum reason pass_interim(struct req *r, const struct head *h)
{
	struct worker *w = r->worker;
	struct out o = { w->scratch, w->scratch, w->scratch + sizeof(w->scratch), false };
	if (++r->interims > MAX_INTERIMS)
		return REASON_BAD_RESPONSE;
	r->continued |= h->status == 100;
	forwarded_interim(h, &o);
	ssize_t n = r->in.minor == 0 ? 0
				     : h1_stream_send_head(&r->down->stream, out_view(&o), H1_BODY_NONE, 0,
							   (struct str){ 0 }, false);
	h1_stream_release_head(&r->up->stream);
	return n < 0 ? REASON_CLIENT_GONE : REASON_NONE;
}

/* One response head that is not 100-199, or what stands in its way. */
static enum step_result read_response_head(struct req *r)
{
	struct h1_stream *up = &r->up->stream;
	for (;;) {
		struct head head;
		int rc = h1_stream_flush(&r->down->stream); /* an earlier 1xx */
		if (rc < 0)
			return rc == -EAGAIN ? STEP_WAIT : step_fail(r, REASON_CLIENT_GONE);
		enum h1_error e = h1_stream_parse(up, false, r->worker->fields, &head);
		if (e == H1_OK && head.status < 200 && head.status != 101) {
			enum reason why = pass_interim(r, &head);
			if (why != REASON_NONE)
				return step_fail(r, why);
			continue;
		}
		if (e == H1_OK) {
			if (head.status == 101 && !tunnel_agreed(r, &head))
				return step_fail(r, REASON_BAD_RESPONSE);
			r->out = head;
			return step_to(r, REQ_RESPONSE_PHASE);
		}
		if (e != H1_MORE)
			return step_fail(r, REASON_BAD_RESPONSE);
		ssize_t n = h1_stream_fill(up);
		if (n > 0)
			continue;
		if (n == -EAGAIN)
			return STEP_WAIT;
		if (n == -ENOBUFS || h1_stream_pending(up).n)
			return step_fail(r, REASON_BAD_RESPONSE);
		return lost_server(r, n == 0		   ? REASON_SERVER_CLOSED
				      : n == -EKEYREJECTED ? REASON_TLS_REFUSED
							   : REASON_SERVER_RESET);
	}
}

static enum step_result step_await(struct req *r)
{
	if (req_client_left(r))
		return step_fail(r, REASON_CLIENT_GONE);
	if (!r->body_out_done && !req_pump_body(r))
		return STEP_NEXT;
	return read_response_head(r);
}

/* ---- the driver ---- */

static enum step_result (*const steps[])(struct req *) = {
#define X(id, fn) [id] = fn,
	REQ_STEPS(X)
#undef X
};

void req_run(struct req *r)
{
	enum step_result rc;
	if (r->waiting_mw && !r->down->stream.conn.failed)
		return;
	if (r->waiting_mw) /* must not get past the middleware by leaving */
		req_fail(r, REASON_CLIENT_GONE);
	do
		rc = steps[r->step](r);
	while (rc == STEP_NEXT);
	if (rc == STEP_WAIT && r->arm) {
		r->arm = false;
		h1_server_arm(r->down);
	}
}

void req_client_timeout(struct req *r)
{
	enum reason why = deadline_passed(r);
	if (why == REASON_NONE)
		return;
	req_fail(r, why);
	r->response_done |= why == REASON_TUNNEL_IDLE; /* nothing was cut: an orderly end */
	req_run(r);
}

void req_shut_down(struct req *r)
{
	note_failure(r, REASON_SHUTDOWN);
	cut_off(r, reason_status(REASON_SHUTDOWN));
	req_run(r);
}

bool req_set_header(struct req *r, struct str name, struct str value)
{
	for (unsigned i = 0; i < r->nadd; i++)
		if (str_ieq(r->add[i].name, name)) {
			r->add[i].value = value;
			return true;
		}
	if (r->nadd == ARRAY_LEN(r->add))
		return false;
	r->add[r->nadd++] = (struct field){ name, value, token_find(name) };
	return true;
}

const struct peer *req_client_certificate(struct req *r)
{
	struct peer *p = r->tls && r->tls->subject ? arena_alloc(&r->arena, sizeof(*p)) : NULL;
	return p && peer_facts(r->down->tls, &r->arena, p) == 0 ? p : NULL;
}

struct str req_header(const struct req *r, struct str name)
{
	for (unsigned i = 0; i < r->in.nfields; i++)
		if (str_ieq(r->in.fields[i].name, name))
			return r->in.fields[i].value;
	return (struct str){ 0 };
}
