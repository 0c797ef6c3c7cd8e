/* The second half of a request's life: the answer's head and body, the answers we make ourselves, and the end that
 * every request reaches exactly once, where it is counted, logged and freed. */
#include <errno.h>
#include "base/clock.h"
#include "base/mem.h"
#include "backend/pool.h"
#include "http/date.h"
#include "http/status.h"
#include "proxy/forwarded.h"
#include "proxy/h1_server.h"
#include "proxy/http_fsm.h"
#include "proxy/req_pool.h"
#include "proxy/slots.h"
#include "proxy/tunnel.h"

#define DISCARD_MAX 65536u

/* ---- RESPONSE PHASE ---- */

enum step_result step_response_phase(struct req *r)
{
	if (!r->replied) {
		r->first_byte_ns = r->worker->loop.now_ns;
		r->origin_status = r->status = r->out.status;
	}
	for (unsigned i = r->seen_mws; i-- > 0;) {
		const struct mw *m = &r->route->mws[i];
		if (m->type->on_response)
			m->type->on_response(m->ctx, r);
	}
	return step_to(r, r->replied ? REQ_REPLY : REQ_RESPOND);
}

/* ---- RESPOND: the server's head goes out, with as much body as is there ---- */

static bool has_body(const struct req *r)
{
	return !str_eq(r->in.method, STR("HEAD")) && r->out.status != 204 && r->out.status != 304;
}

static void init_body_in(struct req *r)
{
	struct h1_stream *up = &r->up->stream;
	if (r->out.status == 101)
		h1_body_init(&up->in, H1_BODY_CLOSE, 0);
	else if (!has_body(r))
		h1_body_init(&up->in, H1_BODY_NONE, 0);
	else if (r->out.chunked)
		h1_body_init(&up->in, H1_BODY_CHUNKED, 0);
	else if (r->out.content_length >= 0)
		h1_body_init(&up->in, H1_BODY_LENGTH, (uint64_t)r->out.content_length);
	else
		h1_body_init(&up->in, H1_BODY_CLOSE, 0);
}

static enum h1_body_kind response_framing(const struct req *r)
{
	enum h1_body_kind in = r->up->stream.in.kind;
	if (r->out.status == 101)
		return H1_BODY_CLOSE;
	if (in == H1_BODY_CHUNKED || in == H1_BODY_CLOSE)
		return r->in.minor == 1 ? H1_BODY_CHUNKED : H1_BODY_CLOSE;
	return in;
}

static enum step_result response_broken(struct req *r)
{
	return step_fail(r, r->head_sent ? REASON_RESPONSE_CUT : REASON_BAD_RESPONSE);
}

/* An answer before the end of the request's body: the connection goes on only if the body does. A client that waits for
 * 100 Continue need not send it (RFC 9110 §10.1.1), and a server that closes will not take it. */
static bool body_will_end(const struct req *r)
{
	return r->body_in_done || (r->keep_up && (!r->in.expect_continue || r->continued));
}

enum step_result step_respond(struct req *r)
{
	struct worker *w = r->worker;
	struct h1_stream *up = &r->up->stream, *down = &r->down->stream;
	struct out o = { w->scratch, w->scratch, w->scratch + sizeof(w->scratch), false };
	struct str body = { 0 };
	init_body_in(r);
	enum h1_body_kind framing = response_framing(r);
	r->keep_up = !r->out.close && up->in.kind != H1_BODY_CLOSE && !r->server_deaf;
	r->keep_down = r->keep_down && framing != H1_BODY_CLOSE && h1_server_may_keep(r->down) && body_will_end(r);
	forwarded_response(r, framing, r->keep_down, &o);
	if (o.full)
		return step_fail(r, REASON_BAD_RESPONSE);
	int more = h1_stream_peek(up, &body);
	if (more < 0 && more != -EAGAIN)
		return response_broken(r);
	bool end = more == 1 && h1_stream_ends_after(up, body.n);
	ssize_t n = h1_stream_send_head(down, out_view(&o), framing,
					r->out.content_length > 0 ? (uint64_t)r->out.content_length : 0, body, end);
	r->out.fields = NULL; /* lay in the worker's scratch */
	r->out.nfields = 0;
	if (n < 0)
		return step_fail(r, REASON_CLIENT_GONE);
	r->head_sent = true;
	h1_stream_forget_head(up);
	if (n > 0)
		h1_stream_consume(up, (size_t)n);
	r->response_bytes += (uint64_t)n;
	if (r->out.status != 101)
		return step_to(r, REQ_STREAM);
	tunnel_begin(r);
	return step_to(r, REQ_TUNNEL);
}

/* ---- STREAM ---- */

static int finish_response(struct req *r, enum reason *ret_why)
{
	struct h1_stream *up = &r->up->stream;
	int rc = req_finish_body(r, up, &r->down->stream, up->trailer_n && forwarded_wants_trailers(r));
	if (rc == -EBADMSG)
		*ret_why = REASON_RESPONSE_CUT;
	return rc;
}

/* Moves response body as far as both sides allow: 0 when all has left, -EAGAIN, or an error told apart by ret_why. */
static int pump_response(struct req *r, enum reason *ret_why)
{
	struct h1_stream *up = &r->up->stream, *down = &r->down->stream;
	for (;;) {
		struct str view;
		*ret_why = REASON_CLIENT_GONE;
		int rc = h1_stream_flush(down);
		if (rc < 0) {
			r->arm |= rc == -EAGAIN; /* it is the client that we wait for */
			return rc;
		}
		rc = h1_stream_peek(up, &view);
		if (rc == 0)
			return finish_response(r, ret_why);
		*ret_why = REASON_RESPONSE_CUT;
		if (rc < 0)
			return rc;
		*ret_why = REASON_CLIENT_GONE;
		ssize_t n = h1_stream_send(down, view, h1_stream_ends_after(up, view.n));
		if (n < 0) {
			r->arm |= n == -EAGAIN;
			return (int)n;
		}
		h1_stream_consume(up, (size_t)n);
		r->moved_ns = r->worker->loop.now_ns;
		r->response_bytes += (uint64_t)n;
	}
}

/* The server has answered early and keeps its connection: it still takes the rest of the body, within the time the
 * client has for sending it. */
static bool body_goes_on(const struct req *r)
{
	const struct conn *up = &r->up->stream.conn;
	return !r->body_out_done && r->keep_down && r->keep_up && !up->hangup && !up->failed;
}

enum step_result step_stream(struct req *r)
{
	enum reason why;
	if (r->down->stream.conn.failed)
		return step_fail(r, REASON_CLIENT_GONE);
	if (!r->body_out_done && !req_pump_body(r))
		return STEP_NEXT;
	int rc = pump_response(r, &why);
	if (rc == -EAGAIN)
		return STEP_WAIT;
	if (rc < 0)
		return step_fail(r, why);
	r->response_done = true;
	return body_goes_on(r) ? STEP_WAIT : step_to(r, REQ_DONE);
}

/* ---- REPLY: answers of our own ---- */

void reply_set(struct req *r, int status)
{
	r->replied = true;
	r->reply = (struct reply){ .status = status, .body = status_reason((unsigned)status) };
	if (status == 404)
		r->reply.body = STR("404 page not found\n");
	if (status == 503)
		r->reply.body = STR("no available server\n");
	if (status == 404 || status == 503) {
		r->reply.content_type = "text/plain; charset=utf-8";
		r->reply.nosniff = true;
	}
}

static void reply_head(struct req *r, struct out *o)
{
	const struct reply *p = &r->reply;
	out_lit(o, "HTTP/1.1 ");
	out_u64(o, (uint64_t)p->status);
	out_lit(o, " ");
	out_str(o, status_reason((unsigned)p->status));
	out_lit(o, "\r\n");
	if (p->content_type)
		out_field(o, STR("Content-Type"), str_of(p->content_type));
	if (p->nosniff)
		out_lit(o, "X-Content-Type-Options: nosniff\r\n");
	for (unsigned i = 0; i < p->nextra; i++)
		out_field(o, p->extra[i].name, p->extra[i].value);
	out_field(o, STR("Date"), date_get(&r->worker->date, clock_wall_ns()));
	out_lit(o, "Content-Length: ");
	out_u64(o, p->body.n);
	out_lit(o, "\r\n");
	if (!r->keep_down)
		out_lit(o, "Connection: close\r\n");
	else if (r->in.minor == 0)
		out_lit(o, "Connection: keep-alive\r\n");
	out_lit(o, "\r\n");
}

/* A request answered before its body was wanted: what has arrived of it is dropped, which usually is all, so that the
 * connection can go on. */
static void discard_body(struct req *r)
{
	struct h1_stream *down = &r->down->stream;
	struct str view;
	for (size_t total = 0; !r->body_in_done && total < DISCARD_MAX; total += view.n) {
		int rc = h1_stream_peek(down, &view);
		if (rc == 0)
			r->body_in_done = true;
		if (rc <= 0)
			return;
		h1_stream_consume(down, view.n);
	}
}

static ssize_t reply_begin(struct req *r)
{
	struct worker *w = r->worker;
	struct out o = { w->scratch, w->scratch, w->scratch + sizeof(w->scratch), false };
	r->status = r->reply.status;
	if (r->keep_down)
		discard_body(r);
	r->keep_down = r->keep_down && r->body_in_done && h1_server_may_keep(r->down);
	reply_head(r, &o);
	if (str_eq(r->in.method, STR("HEAD")))
		r->reply.body.n = 0;
	r->head_sent = true;
	return h1_stream_send_head(&r->down->stream, out_view(&o), H1_BODY_LENGTH, r->reply.body.n, r->reply.body,
				   true);
}

enum step_result step_reply(struct req *r)
{
	struct h1_stream *down = &r->down->stream;
	if (down->conn.failed)
		return step_fail(r, REASON_CLIENT_GONE);
	ssize_t n = r->head_sent ? 0 : reply_begin(r);
	while (n >= 0) {
		r->response_bytes += (uint64_t)n;
		struct str rest = str_skip(r->reply.body, r->response_bytes);
		if (rest.n == 0)
			break;
		n = h1_stream_send(down, rest, true);
	}
	if (n >= 0)
		n = h1_stream_flush(down);
	if (n == -EAGAIN)
		return STEP_WAIT;
	if (n < 0)
		return step_fail(r, REASON_CLIENT_GONE);
	r->response_done = true;
	return step_to(r, REQ_DONE);
}

/* ---- DONE ---- */

static void give_server_back(struct req *r)
{
	const struct service_limits *l = r->route && r->route->service ? &r->route->service->limits : NULL;
	if (r->up) {
		struct pool_limits keep = { l->max_idle, l->idle_ns };
		struct h1_client *c = take_ptr(r->up);
		c->owner = NULL;
		c->requests++;
		if (r->keep_up && r->response_done && r->body_out_done && h1_stream_pending(&c->stream).n == 0) {
			h1_stream_release_head(&c->stream);
			pool_give(r->target, r->worker->id, c, &keep);
		} else {
			h1_client_free(&c);
		}
	}
	if (r->item >= 0)
		service_done(r->route->service, r->worker->id, r->item,
			     (r->first_byte_ns ? r->first_byte_ns : r->end_ns) - r->up_start_ns,
			     r->origin_status && r->origin_status < 500);
	r->item = -1;
	slots_leave(r);
}

static void count(struct req *r)
{
	struct engine *e = r->worker->engine;
	uint64_t duration = r->end_ns - r->start_ns;
	unsigned protocol = r->tunnel ? HTTPSET_WEBSOCKET : HTTPSET_HTTP;
	struct httpset *sets[] = {
		r->entry->metrics,
		r->route ? r->route->router_metrics : NULL,
		r->route ? r->route->service_metrics : NULL,
	};
	if (r->reason != REASON_NONE && e->reasons[r->reason])
		metric_add(e->reasons[r->reason], r->worker->id, 1);
	if (r->route && r->route->is_internal && !e->log_internals)
		return;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (sets[i] && r->tls)
			httpset_count_tls(sets[i], r->worker->id, r->tls->version, r->tls->cipher);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (sets[i] && r->status)
			httpset_count(sets[i], r->worker->id, r->status, r->in.method, protocol, duration,
				      r->request_bytes, r->response_bytes);
}

static void report(struct req *r)
{
	struct engine *e = r->worker->engine;
	if (r->route && r->route->is_internal && !e->log_internals)
		return;
	for (unsigned i = 0; i < e->nloggers; i++)
		e->loggers[i].on_done(e->loggers[i].ctx, r->worker->id, r);
}

enum step_result step_done(struct req *r)
{
	struct h1_server *down = r->down;
	bool keep = r->keep_down && r->response_done && r->body_in_done, whole = r->response_done;
	r->end_ns = r->worker->loop.now_ns;
	r->origin_ns = r->first_byte_ns ? r->end_ns - r->up_start_ns : 0;
	r->origin_bytes = r->replied ? 0 : r->response_bytes;
	for (unsigned i = r->seen_mws; i-- > 0;)
		if (r->route->mws[i].type->on_done)
			r->route->mws[i].type->on_done(r->route->mws[i].ctx, r);
	give_server_back(r);
	internal_forget(r);
	count(r);
	report(r);
	down->req = NULL;
	req_put(r);
	if (whole)
		h1_server_next(down, keep);
	else
		h1_server_abort(down);
	return STEP_END;
}
