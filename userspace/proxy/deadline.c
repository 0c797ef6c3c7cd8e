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

static const struct {
	uint64_t (*due_ms)(const struct req *r);
	enum reason why;
} limits[] = {
	{ write_all, REASON_WRITE_TIMEOUT },
	{ read_all, REASON_BODY_TIMEOUT },
	{ tunnel_idle, REASON_TUNNEL_IDLE },
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
