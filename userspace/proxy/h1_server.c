/* Client connections. */
#include "proxy/h1_server.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "net/cf_proxyproto.h"
#include "proxy/deadline.h"
#include "proxy/req_pool.h"
#include "proxy/tls_front.h"

#define LINGER_NS    (2 * NS_PER_S)
#define LINGER_BYTES (1u << 20)

static void client_gone(struct deferred *d)
{
	free(container_of(d, struct h1_server, gone));
}

static void forget(struct h1_server *s)
{
	struct worker *w = s->worker;
	tls_front_forget(s);
	timer_cancel(&w->loop.wheel, &s->timer);
	list_remove(&s->link);
	w->nclients--;
	atomic_fetch_sub_explicit(&w->engine->connections, 1, memory_order_relaxed);
	if (s->entry->open_connections)
		metric_gauge_add(s->entry->open_connections, -1);
	loop_defer(&w->loop, &s->gone, client_gone);
	entry_resume(w);
	if (w->draining && w->nclients == 0 && w->drained)
		w->drained(w);
}

void h1_server_close(struct h1_server *s)
{
	if (!conn_is_open(&s->stream.conn))
		return;
	h1_stream_close(&s->stream);
	forget(s);
}

void h1_server_abort(struct h1_server *s)
{
	if (!conn_is_open(&s->stream.conn))
		return;
	h1_stream_reset(&s->stream);
	forget(s);
}

static void arm(struct h1_server *s, uint64_t from_ns, int64_t after_ns)
{
	if (after_ns > 0)
		timer_set(&s->worker->loop.wheel, &s->timer, (from_ns + (uint64_t)after_ns) / NS_PER_MS + 1);
	else
		timer_cancel(&s->worker->loop.wheel, &s->timer);
}

/* Reads and drops what the client still sends, so that our answer is not destroyed by a reset (RFC 9112 §9.6). */
static void linger(struct h1_server *s)
{
	for (;;) {
		ssize_t n = h1_stream_fill(&s->stream);
		if (n == -EAGAIN)
			return;
		s->lingered += n > 0 ? (uint32_t)n : 0;
		if (n <= 0 || s->lingered > LINGER_BYTES) {
			h1_server_close(s);
			return;
		}
		s->stream.rx_start = s->stream.rx_end;
	}
}

static void start_lingering(struct h1_server *s)
{
	if (s->stream.rx_eof || s->stream.conn.failed || conn_shutdown(&s->stream.conn) < 0) {
		h1_server_close(s);
		return;
	}
	s->state = SERVER_LINGERING;
	s->stream.rx_start = s->stream.rx_end;
	h1_stream_release_head(&s->stream);
	arm(s, s->worker->loop.now_ns, LINGER_NS);
	linger(s);
}

static void set_peer(struct h1_server *s, const struct endpoint *peer)
{
	s->peer = *peer;
	addr_print(&peer->addr, s->peer_text);
	s->peer_len = (uint8_t)strlen(s->peer_text);
}

void h1_server_arm(struct h1_server *s)
{
	uint64_t next = deadline_next_ms(s->req);
	if (next)
		timer_set(&s->worker->loop.wheel, &s->timer, next);
}

/* A request begins: everything the state machine needs is copied or pinned here. */
static struct req *begin(struct h1_server *s, const struct head *head)
{
	struct req *r = req_get(s->worker);
	r->down = s;
	r->entry = s->entry;
	r->peer = s->peer;
	r->tls = s->tls ? &s->tls->facts : NULL;
	r->in = *head;
	if (head->nfields) {
		r->in.fields = arena_alloc(&r->arena, head->nfields * sizeof(*head->fields));
		memcpy(r->in.fields, head->fields, head->nfields * sizeof(*head->fields));
	}
	r->start_ns = s->head_ns;
	r->moved_ns = s->worker->loop.now_ns;
	r->number = ++s->requests;
	enum h1_body_kind kind = head->chunked		    ? H1_BODY_CHUNKED
				 : head->content_length > 0 ? H1_BODY_LENGTH
							    : H1_BODY_NONE;
	h1_body_init(&s->stream.in, kind, head->content_length > 0 ? (uint64_t)head->content_length : 0);
	r->body_in_done = s->stream.in.done;
	r->keep_down = !head->close && !s->worker->draining;
	s->req = r;
	s->state = SERVER_BUSY;
	if (!r->body_in_done || s->entry->conf->transport.responding.write_ns > 0)
		h1_server_arm(s);
	return r;
}

static enum reason reason_of(enum h1_error e)
{
	switch (h1_error_status(e)) {
	case 431:
		return REASON_HEAD_TOO_LARGE;
	case 501:
		return REASON_NOT_IMPLEMENTED;
	case 505:
		return REASON_BAD_VERSION;
	default:
		return REASON_BAD_REQUEST;
	}
}

/* Nothing that follows a head we could not read can be trusted: answer and end. */
static void refuse(struct h1_server *s, enum reason why)
{
	struct head none = { .content_length = -1, .minor = 1, .close = true, .method = STR("-"), .target = STR("-") };
	struct req *r = begin(s, &none);
	r->keep_down = false;
	req_fail(r, why);
	req_run(r);
}

/* Returns false when reading has to stop: waiting, busy or closed. */
static bool read_step(struct h1_server *s)
{
	struct head head;
	enum h1_error e = h1_stream_parse(&s->stream, true, s->worker->fields, &head);
	if (e == H1_OK) {
		req_run(begin(s, &head));
		return s->state == SERVER_READING && conn_is_open(&s->stream.conn);
	}
	if (e != H1_MORE) {
		refuse(s, reason_of(e));
		return false;
	}
	bool fresh = h1_stream_pending(&s->stream).n == 0;
	ssize_t n = h1_stream_fill(&s->stream);
	if (n == -ENOBUFS) {
		refuse(s, REASON_HEAD_TOO_LARGE);
		return false;
	}
	if (n == -EAGAIN) {
		if (fresh)
			h1_stream_release_head(&s->stream);
		return false;
	}
	if (n <= 0) {
		h1_server_close(s);
		return false;
	}
	if (fresh) {
		s->head_ns = s->worker->loop.now_ns;
		arm(s, s->head_ns, s->entry->conf->transport.responding.read_ns);
	}
	return true;
}

static void read_heads(struct h1_server *s)
{
	s->in_read = true;
	while (read_step(s))
		;
	s->in_read = false;
}

void h1_server_start(struct h1_server *s)
{
	s->state = SERVER_READING;
	s->head_ns = s->worker->loop.now_ns;
	arm(s, s->head_ns, s->entry->conf->transport.responding.read_ns);
	read_heads(s);
}

static bool keep_limits_allow(const struct h1_server *s)
{
	const struct transport_conf *t = &s->entry->conf->transport;
	if (t->keep_alive_max_requests && s->requests >= (uint64_t)t->keep_alive_max_requests)
		return false;
	return !t->keep_alive_max_time_ns ||
	       s->worker->loop.now_ns - s->opened_ns < (uint64_t)t->keep_alive_max_time_ns;
}

bool h1_server_may_keep(const struct h1_server *s)
{
	return !s->worker->draining && keep_limits_allow(s) && tls_front_may_keep(s);
}

void h1_server_next(struct h1_server *s, bool keep)
{
	s->req = NULL;
	if (!keep || s->worker->draining) {
		start_lingering(s);
		return;
	}
	s->state = SERVER_READING;
	h1_stream_release_head(&s->stream);
	s->head_ns = s->worker->loop.now_ns;
	bool more = h1_stream_pending(&s->stream).n > 0;
	arm(s, s->head_ns,
	    more ? s->entry->conf->transport.responding.read_ns : s->entry->conf->transport.responding.idle_ns);
	if (!s->in_read)
		read_heads(s);
}

void h1_server_drain(struct h1_server *s)
{
	if (s->req)
		s->req->keep_down = false;
	else if (s->state == SERVER_OPENING || (s->state == SERVER_READING && h1_stream_pending(&s->stream).n == 0))
		h1_server_close(s);
}

static void on_ready(struct watch *w, uint32_t events)
{
	struct h1_server *s = container_of(w, struct h1_server, stream.conn.watch);
	conn_note(&s->stream.conn, events);
	switch ((enum h1_server_state)s->state) {
	case SERVER_READING:
		read_heads(s);
		return;
	case SERVER_BUSY:
		req_run(s->req);
		return;
	case SERVER_LINGERING:
		linger(s);
		return;
	case SERVER_OPENING:
	case SERVER_HANDSHAKE:
		tls_front_run(s);
		return;
	}
}

static void busy_timeout(struct h1_server *s)
{
	const struct req *r = s->req;
	req_client_timeout(s->req);
	if (s->state == SERVER_BUSY && s->req == r && conn_is_open(&s->stream.conn))
		h1_server_arm(s);
}

static void on_timeout(struct timer *t)
{
	struct h1_server *s = container_of(t, struct h1_server, timer);
	if (s->state == SERVER_BUSY)
		busy_timeout(s);
	else if (s->state == SERVER_HANDSHAKE)
		tls_front_timeout(s);
	else if (s->state == SERVER_READING && h1_stream_pending(&s->stream).n > 0)
		refuse(s, REASON_HEAD_TIMEOUT);
	else
		h1_server_close(s);
}

static void told_source(struct conn *c, const struct proxyproto *h)
{
	set_peer(container_of(c, struct h1_server, stream.conn), &h->src);
}

static bool takes_proxy_header(const struct entry *e, const struct endpoint *peer)
{
	const struct proxy_protocol_conf *p = e->conf->proxy_protocol;
	return p && (p->insecure || (e->proxies.n && prefix_set_has(&e->proxies, &peer->addr)));
}

void h1_server_accept(struct worker *w, struct entry *e, int fd, const struct endpoint *peer)
{
	struct h1_server *s = mem_zalloc(sizeof(*s));
	s->worker = w;
	s->entry = e;
	if (h1_stream_open(&s->stream, &w->blocks, &w->loop, fd, (uint32_t)e->conf->http.max_header_bytes, on_ready) <
	    0) {
		atomic_fetch_sub_explicit(&w->engine->connections, 1, memory_order_relaxed);
		free(s);
		return;
	}
	set_peer(s, peer);
	list_init(&s->handshake);
	if (w->pin->snap->entries[e->id].tls)
		s->state = SERVER_OPENING;
	if (takes_proxy_header(e, peer))
		cf_proxyproto_push(&s->stream.conn, told_source);
	timer_init(&s->timer, on_timeout);
	list_push_back(&w->clients, &s->link);
	w->nclients++;
	if (e->open_connections)
		metric_gauge_add(e->open_connections, 1);
	s->opened_ns = s->head_ns = w->loop.now_ns;
	arm(s, s->opened_ns, e->conf->transport.responding.read_ns);
}
