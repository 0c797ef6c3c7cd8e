/* The limits of a request: one row each, first match first. */
#include "proxy/deadline.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/h1_server.h"

static const struct transport_conf *transport(const struct req *r)
{
	return &r->entry->conf->transport;
}

/* 0 when there is no such limit. */
static uint64_t after(uint64_t from_ns, int64_t limit_ns)
{
	return limit_ns > 0 ? (from_ns + (uint64_t)limit_ns) / NS_PER_MS + 1 : 0;
}

static uint64_t tunnel_idle(const struct req *r)
{
	return r->tunnel ? after(r->moved_ns, transport(r)->tunnel_idle_ns) : 0;
}

static uint64_t write_all(const struct req *r)
{
	return r->tunnel ? 0 : after(r->start_ns, transport(r)->responding.write_ns);
}

static uint64_t read_all(const struct req *r)
{
	return r->body_in_done ? 0 : after(r->start_ns, transport(r)->responding.read_ns);
}

static uint64_t body_idle(const struct req *r)
{
	return r->body_in_done ? 0 : after(r->moved_ns, transport(r)->responding.body_idle_ns);
}

/* A response waits for the client to take some of it. */
static uint64_t client_stalled(const struct req *r)
{
	const struct h1_stream *down = &r->down->stream;
	bool waits = r->head_sent && !r->response_done && (!down->conn.writable || !h1_stream_flushed(down));
	return waits ? after(r->moved_ns, transport(r)->responding.body_idle_ns) : 0;
}

static uint64_t response_head(const struct req *r)
{
	if (r->step != REQ_AWAIT || !r->body_out_done)
		return 0;
	return after(r->asked_ns, r->route->service->limits.response_head_ns);
}

static uint64_t in_queue(const struct req *r)
{
	return r->queued ? after(r->queued_ns, r->route->service->limits.queue_ns) : 0;
}

static uint64_t whole_request(const struct req *r)
{
	return r->route && !r->tunnel ? after(r->start_ns, r->route->timeout_ns) : 0;
}

static const struct {
	uint64_t (*due_ms)(const struct req *r);
	enum reason why;
} limits[] = {
	{ write_all, REASON_WRITE_TIMEOUT },	   { whole_request, REASON_REQUEST_TIMEOUT },
	{ in_queue, REASON_QUEUE_TIMEOUT },	   { response_head, REASON_RESPONSE_TIMEOUT },
	{ read_all, REASON_BODY_TIMEOUT },	   { body_idle, REASON_BODY_IDLE },
	{ client_stalled, REASON_CLIENT_STALLED }, { tunnel_idle, REASON_TUNNEL_IDLE },
};

uint64_t deadline_next_ms(const struct req *r)
{
	uint64_t now = r->worker->loop.now_ns / NS_PER_MS, next = 0;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		uint64_t due = limits[i].due_ms(r);
		if (due > now && (!next || due < next))
			next = due;
	}
	return next;
}

enum reason deadline_passed(const struct req *r)
{
	uint64_t now = r->worker->loop.now_ns / NS_PER_MS;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		uint64_t due = limits[i].due_ms(r);
		if (due && due <= now)
			return limits[i].why;
	}
	return REASON_NONE;
}
