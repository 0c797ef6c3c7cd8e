/* Tunnels. Each direction moves by itself: one connection's receive buffer to the other's socket, a side that cannot
 * write stops the other from being read, a FIN is passed on as one, a reset as one. While nothing moves, a tunnel holds
 * no buffer but the copied head. */
#include "proxy/tunnel.h"
#include <errno.h>
#include "proxy/deadline.h"
#include "proxy/h1_server.h"

/* ---- agreeing ---- */

/* Cleartext HTTP/2 by Upgrade is left out, as in Traefik: requests inside such a tunnel would pass by every rule. */
static bool is_h2(struct str protocol)
{
	return str_ieq(protocol, STR("h2c")) || str_ieq(protocol, STR("h2"));
}

bool tunnel_wanted(const struct req *r)
{
	if (!r->in.upgrade)
		return false;
	for (unsigned i = 0; i < r->in.nfields; i++) {
		struct str list = r->in.fields[i].value, protocol;
		if (r->in.fields[i].token != TOKEN_UPGRADE)
			continue;
		while (str_next_element(&list, &protocol))
			if (is_h2(protocol))
				return false;
	}
	return true;
}

static bool offered(const struct req *r, struct str protocol)
{
	for (unsigned i = 0; i < r->in.nfields; i++)
		if (r->in.fields[i].token == TOKEN_UPGRADE && str_list_has(r->in.fields[i].value, protocol))
			return true;
	return false;
}

/* RFC 9110 §7.8: only to a protocol that was offered, and only after the whole request. */
bool tunnel_agreed(const struct req *r, const struct head *answer)
{
	const struct field *f = head_field(answer, TOKEN_UPGRADE);
	return tunnel_wanted(r) && r->body_out_done && answer->upgrade && offered(r, f->value);
}

/* ---- beginning ---- */

struct move {
	const char *from;
	size_t n;
	const char *to;
};

static void move_view(const struct move *m, struct str *s)
{
	if (s->p >= m->from && s->p <= m->from + m->n)
		s->p = m->to + (s->p - m->from);
}

/* The log needs the head to the end; the buffer it lies in is worth more elsewhere. */
static void copy_head(struct req *r)
{
	const struct field *last = r->in.nfields ? &r->in.fields[r->in.nfields - 1] : NULL;
	struct str end = last ? last->value : r->in.target;
	struct move m = { .from = r->in.method.p, .n = (size_t)(end.p + end.n - r->in.method.p) };
	struct str *views[] = { &r->in.method, &r->in.target, &r->in.host, &r->in.connection,
				&r->method,    &r->path,      &r->query,   &r->host };
	m.to = arena_strndup(&r->arena, m.from, m.n);
	if (!m.to)
		return; /* the buffer stays then */
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		move_view(&m, views[i]);
	for (unsigned i = 0; i < r->in.nfields; i++) {
		move_view(&m, &r->in.fields[i].name);
		move_view(&m, &r->in.fields[i].value);
	}
	h1_stream_forget_head(&r->down->stream);
}

void tunnel_begin(struct req *r)
{
	copy_head(r);
	r->tunnel = true;
	r->body_in_done = r->body_out_done = true;
	h1_body_init(&r->down->stream.in, H1_BODY_CLOSE, 0);
	h1_stream_send_raw(&r->up->stream);
	h1_server_arm(r->down);
}

/* ---- moving ---- */

enum moved { MOVED_ON, MOVED_WAIT, MOVED_END, MOVED_BROKEN };

static enum moved step(struct req *r, struct h1_stream *from, struct h1_stream *to, uint64_t *count)
{
	struct str view;
	int rc = h1_stream_flush(to);
	if (rc == 0)
		rc = h1_stream_peek(from, &view);
	else if (rc == -EAGAIN)
		return MOVED_WAIT;
	if (rc == -EAGAIN) {
		h1_stream_release_head(from); /* nothing is in flight: no buffer either */
		return MOVED_WAIT;
	}
	if (rc <= 0)
		return rc == 0 ? MOVED_END : MOVED_BROKEN;
	ssize_t n = h1_stream_send(to, view, false);
	if (n < 0)
		return n == -EAGAIN ? MOVED_WAIT : MOVED_BROKEN;
	h1_stream_consume(from, (size_t)n);
	*count += (uint64_t)n;
	r->moved_ns = r->worker->loop.now_ns;
	return MOVED_ON;
}

/* One direction as far as it goes; false when the tunnel is broken. */
static bool move(struct req *r, struct h1_stream *from, struct h1_stream *to, uint64_t *count, bool *over)
{
	enum moved m = *over ? MOVED_WAIT : MOVED_ON;
	while (m == MOVED_ON)
		m = step(r, from, to, count);
	if (m == MOVED_END) {
		*over = true;
		h1_stream_release_head(from);
		return conn_shutdown(&to->conn) == 0;
	}
	return m != MOVED_BROKEN;
}

enum step_result step_tunnel(struct req *r)
{
	struct h1_stream *down = &r->down->stream, *up = &r->up->stream;
	bool whole = move(r, down, up, &r->request_bytes, &r->tunnel_in_over) &&
		     move(r, up, down, &r->response_bytes, &r->tunnel_out_over);
	if (!whole) {
		enum reason why = down->conn.failed ? REASON_CLIENT_GONE : REASON_TUNNEL_RESET;
		h1_stream_reset(up); /* neither side may take what it got for all there was */
		return step_fail(r, why);
	}
	if (!r->tunnel_in_over || !r->tunnel_out_over)
		return STEP_WAIT;
	r->response_done = true;
	return step_to(r, REQ_DONE);
}
