/* The whole HTTP engine in one process: one worker thread, one entry point on loopback, one service whose server is the
 * test. The test thread plays client and server with blocking steps that each have a deadline; nothing sleeps. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "balance/wrr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "io/sock.h"
#include "proxy/req.h"
#include "proxy/worker.h"

#define DEADLINE_MS 5000
#define MAX_RECORDS 64

struct record { /* what the access log would have said */
	int status;
	enum reason reason;
	uint64_t request_bytes, response_bytes;
};

struct exchange {
	struct engine engine;
	struct loop control;
	struct mailbox box;
	struct entry entry;
	struct entry_conf conf;
	struct target *target;
	struct service *service;
	struct endpoint origin_at;
	int origin;   /* listening socket of the server */
	int reserved; /* keeps the entry point's port */
	struct record records[MAX_RECORDS];
	atomic_uint nrecords;
	atomic_uint released; /* snapshots */
	int64_t route_timeout_ns;
	bool stopped;
};

/* --- snapshot and engine
 * ---------------------------------------------------------------------------------------------------------------- */

static struct exchange *exchange_of_snapshots;

static inline void snapshot_released(struct snapshot *s)
{
	atomic_fetch_add(&exchange_of_snapshots->released, 1);
	for (size_t i = 0; i < s->nservices; i++)
		service_unref(&s->services[i]);
	arena_reset(&s->arena);
	free(s);
}

/* `mws` and what it points to outlive the snapshot. */
static inline struct snapshot *exchange_snapshot(struct exchange *x, const char *rule, struct mw *mws, unsigned nmws)
{
	struct snapshot *s = mem_zalloc(sizeof(*s));
	struct err_list errs;
	arena_init(&s->arena);
	atomic_init(&s->refs, 1);
	s->released = snapshot_released;
	s->nentries = 1;
	s->entries = arena_zalloc(&s->arena, sizeof(*s->entries));
	s->services = arena_zalloc(&s->arena, sizeof(*s->services));
	s->services[s->nservices++] = service_ref(x->service);
	struct route *rt = arena_zalloc(&s->arena, sizeof(*rt));
	err_init(&errs);
	*rt = (struct route){
		.name = "r@file", .service_name = "s@file", .service = x->service, .mws = mws, .nmws = nmws
	};
	rt->timeout_ns = x->route_timeout_ns;
	rt->rule = rule_compile(&s->arena, RULE_HTTP, rule, (struct place){ 0 }, "rule", &errs);
	assert_non_null(rt->rule);
	err_free(&errs);
	struct rule_entry e = { rt->rule, 1, rt };
	s->entries[0] = (struct snapshot_entry){ .routes = rule_index_build(&s->arena, &e, 1), .nroutes = 1 };
	return s;
}

static inline void exchange_record(void *ctx, unsigned worker, const struct req *r)
{
	struct exchange *x = ctx;
	unsigned n = atomic_load(&x->nrecords);
	(void)worker;
	assert_true(n < MAX_RECORDS);
	x->records[n] = (struct record){ r->status, r->reason, r->request_bytes, r->response_bytes };
	atomic_store(&x->nrecords, n + 1);
}

static inline void exchange_listen(int *ret_fd, struct endpoint *ret_at)
{
	assert_int_equal(endpoint_parse(STR("127.0.0.1:0"), ret_at), 0);
	assert_int_equal(sock_listen(ret_at, false, 64, ret_fd), 0);
	assert_int_equal(sock_local(*ret_fd, ret_at), 0);
}

/* A bound socket that does not listen keeps the port for the engine's own, which share it. */
static inline void exchange_reserve(struct exchange *x)
{
	struct sockaddr_storage sa;
	int on = 1;
	assert_int_equal(endpoint_parse(STR("127.0.0.1:0"), &x->entry.at), 0);
	x->reserved = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(x->reserved, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(x->reserved, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	socklen_t len = endpoint_to_sockaddr(&x->entry.at, &sa);
	assert_int_equal(bind(x->reserved, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(sock_local(x->reserved, &x->entry.at), 0);
}

/* Settings to change before exchange_start(): conf, service->limits, route_timeout_ns, engine.max_connections. */
static inline void exchange_init(struct exchange *x)
{
	static const uint32_t weight = 1;
	memset(x, 0, sizeof(*x));
	exchange_of_snapshots = x;
	x->conf.http = (struct entry_http_conf){ .max_header_bytes = 65536, .sanitize_path = true };
	x->conf.transport.responding = (struct timeouts_conf){ .read_ns = 60 * NS_PER_S, .idle_ns = 180 * NS_PER_S };
	x->entry.name = "web";
	x->entry.conf = &x->conf;
	exchange_reserve(x);
	exchange_listen(&x->origin, &x->origin_at);
	x->target = target_new("http://origin.test:81", &x->origin_at, NULL, 1);
	struct service_spec spec = {
		.name = "s@file",
		.pass_host_header = true,
		.limits = { .dial_ns = 30 * NS_PER_S, .max_idle = 200, .idle_ns = 90 * NS_PER_S },
		.policy = &wrr_ops,
		.targets = &x->target,
		.weights = &weight,
		.ntargets = 1,
		.workers = 1,
	};
	x->service = service_new(&spec);
	x->engine.nworkers = 1;
	x->engine.entries = &x->entry;
	x->engine.nentries = 1;
	x->engine.control = &x->box;
	x->engine.max_connections = 1000;
	x->engine.loggers[0] = (struct logger){ .name = "record", .on_done = exchange_record, .ctx = x };
	x->engine.nloggers = 1;
	memcpy(x->engine.hostname, "balancer", 9);
}

static inline void exchange_start_with(struct exchange *x, struct mw *mws, unsigned nmws)
{
	assert_int_equal(loop_init(&x->control), 0);
	assert_int_equal(mailbox_init(&x->box, &x->control), 0);
	assert_int_equal(engine_start(&x->engine), 0);
	engine_publish(&x->engine, exchange_snapshot(x, "PathPrefix(`/`)", mws, nmws));
	assert_int_equal(engine_stage(&x->engine, &x->entry), 0);
	engine_listen(&x->engine, &x->entry);
}

static inline void exchange_start(struct exchange *x)
{
	exchange_start_with(x, NULL, 0);
}

/* --- balances
 * -----------------------------------------------------------------------------------------------------------------------------
 */

struct probe {
	struct message msg;
	struct worker *worker;
	sem_t answered;
	unsigned blocks, clients, idle;
};

static inline void probe_deliver(struct message *m)
{
	struct probe *p = container_of(m, struct probe, msg);
	p->blocks = p->worker->blocks.in_use;
	p->clients = p->worker->nclients;
	const struct snapshot *s = p->worker->pin->snap;
	p->idle = s->services[0]->targets[0]->cells[0].nidle;
	sem_post(&p->answered);
}

static inline void exchange_probe(struct exchange *x, struct probe *p)
{
	*p = (struct probe){ .msg.deliver = probe_deliver, .worker = &x->engine.workers[0] };
	sem_init(&p->answered, 0, 0);
	mailbox_post(&p->worker->box, &p->msg);
	while (sem_wait(&p->answered) < 0)
		;
	sem_destroy(&p->answered);
}

/* Once everything that is on its way has arrived: no request in flight, no memory held, and this many connections on
 * either side. */
static inline void exchange_settles(struct exchange *x, unsigned clients, unsigned idle)
{
	uint64_t deadline = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;
	struct probe p;
	do {
		exchange_probe(x, &p);
		unsigned flying = atomic_load(&x->target->in_flight);
		if (p.blocks == 0 && p.clients == clients && p.idle == idle && flying == 0 &&
		    atomic_load(&x->engine.connections) == clients)
			return;
	} while (clock_mono_ns() < deadline);
	fail_msg("does not settle: %u blocks, %u clients (%u expected), %u idle (%u expected), %u in flight", p.blocks,
		 p.clients, clients, p.idle, idle, atomic_load(&x->target->in_flight));
}

/* Until the worker has so many client connections, whatever they are doing. */
static inline void exchange_settles_clients(struct exchange *x, unsigned clients)
{
	uint64_t deadline = clock_mono_ns() + DEADLINE_MS * NS_PER_MS;
	struct probe p;
	do {
		exchange_probe(x, &p);
		assert_true(clock_mono_ns() < deadline);
	} while (p.clients != clients);
}

/* The record of the last request, which was the count-th. */
static inline const struct record *exchange_last(struct exchange *x, unsigned count)
{
	struct probe p;
	exchange_probe(
		x,
		&p); /* what the peers have seen was sent in an earlier batch of the worker than the answer to this */
	assert_int_equal(atomic_load(&x->nrecords), count);
	return &x->records[count - 1];
}

static inline void exchange_stop(struct exchange *x, uint64_t grace_ns)
{
	engine_stop(&x->engine, &x->control, 0, grace_ns);
	x->stopped = true;
}

/* Everything is closed by now; the engine must be left with nothing. */
static inline void exchange_end(struct exchange *x)
{
	if (!x->stopped) {
		struct probe p;
		do
			exchange_probe(x, &p);
		while (p.clients);
		assert_int_equal(p.blocks, 0);
		exchange_stop(x, DEADLINE_MS * NS_PER_MS);
	}
	assert_int_equal(atomic_load(&x->target->in_flight), 0);
	assert_int_equal(atomic_load(&x->engine.connections), 0);
	mailbox_free(&x->box);
	loop_free(&x->control);
	service_unref(&x->service);
	assert_int_equal(atomic_load(&x->target->refs), 1);
	assert_int_equal(x->target->cells[0].nidle, 0);
	target_unref(&x->target);
	mem_closep(&x->origin);
	mem_closep(&x->reserved);
}

/* --- the two ends
 * -------------------------------------------------------------------------------------------------------------------------
 */

struct peer {
	int fd;
	struct buf in;
	size_t used;
};

struct message_text { /* one message as read by a peer */
	int status;   /* responses */
	char head[70000];
	struct buf body;
	bool chunked;
};

static inline bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, DEADLINE_MS) == 1;
}

static inline struct peer peer_of(int fd)
{
	struct peer p = { .fd = fd };
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	buf_init(&p.in, 0);
	return p;
}

static inline struct peer client_connect(struct exchange *x)
{
	int fd;
	assert_int_equal(sock_connect(&x->entry.at, &fd), 0);
	assert_true(wait_for(fd, POLLOUT));
	assert_int_equal(sock_error(fd), 0);
	return peer_of(fd);
}

static inline struct peer origin_accept(struct exchange *x)
{
	assert_true(wait_for(x->origin, POLLIN));
	return peer_of(accept4(x->origin, NULL, NULL, SOCK_CLOEXEC));
}

static inline void peer_close(struct peer *p)
{
	mem_closep(&p->fd);
	buf_free(&p->in);
}

static inline void peer_reset(struct peer *p)
{
	sock_reset(p->fd);
	p->fd = -1;
	buf_free(&p->in);
}

static inline void peer_send(struct peer *p, const char *text, size_t n)
{
	while (n) {
		ssize_t k = send(p->fd, text, n, MSG_NOSIGNAL);
		if (k < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_true(wait_for(p->fd, POLLOUT));
			continue;
		}
		text += k;
		n -= (size_t)k;
	}
}

static inline void peer_say(struct peer *p, const char *text)
{
	peer_send(p, text, strlen(text));
}

/* > 0 bytes more, 0 at the end, -errno. */
static inline ssize_t peer_fill(struct peer *p)
{
	char some[65536];
	assert_true(wait_for(p->fd, POLLIN));
	ssize_t n = recv(p->fd, some, sizeof(some), 0);
	if (n > 0)
		buf_add(&p->in, some, (size_t)n);
	return n < 0 ? -errno : n;
}

static inline struct str peer_pending(const struct peer *p)
{
	return str_mk(p->in.p + p->used, p->in.n - p->used);
}

/* Up to a whole head; false when the connection ended before. */
static inline bool peer_head(struct peer *p, bool request, struct message_text *ret, struct head *h)
{
	static struct field fields[HEAD_MAX_FIELDS];
	for (;;) {
		struct str s = peer_pending(p);
		enum h1_error e = s.n == 0  ? H1_MORE
				  : request ? h1_parse_request(s.p, s.n, fields, h)
					    : h1_parse_response(s.p, s.n, fields, h);
		if (e == H1_OK) {
			assert_true(h->size < sizeof(ret->head));
			memcpy(ret->head, s.p, h->size);
			ret->head[h->size] = '\0';
			p->used += h->size;
			return true;
		}
		if (e != H1_MORE)
			fail_msg("%s: %.*s", h1_error_text(e), STR_ARG(s));
		if (peer_fill(p) <= 0)
			return false;
	}
}

/* The rest of the message; false when it does not come whole. */
static inline bool peer_body(struct peer *p, enum h1_body_kind kind, uint64_t length, struct buf *body)
{
	struct h1_body b;
	h1_body_init(&b, kind, length);
	for (;;) {
		size_t skip, data;
		struct str s = peer_pending(p);
		assert_int_equal(h1_body_next(&b, s.p, s.n, &skip, &data), 0);
		buf_add(body, s.p + skip, data);
		h1_body_used(&b, data);
		p->used += skip + data;
		if (b.done)
			return true;
		if (data)
			continue;
		ssize_t n = peer_fill(p);
		if (n <= 0)
			return kind == H1_BODY_CLOSE && n == 0;
	}
}

static inline bool peer_try_message(struct peer *p, bool request, bool no_body, struct message_text *ret)
{
	struct head h;
	buf_init(&ret->body, 0);
	ret->status = 0;
	if (!peer_head(p, request, ret, &h))
		return false;
	ret->status = h.status;
	ret->chunked = h.chunked;
	enum h1_body_kind kind = no_body		 ? H1_BODY_NONE
				 : h.chunked		 ? H1_BODY_CHUNKED
				 : h.content_length >= 0 ? H1_BODY_LENGTH
				 : request		 ? H1_BODY_NONE
							 : H1_BODY_CLOSE;
	return peer_body(p, kind, h.content_length > 0 ? (uint64_t)h.content_length : 0, &ret->body);
}

/* A response to the client; its body, if any, must be `body`. The head stays in ret until the next message. */
static inline void expect_response(struct peer *p, int status, const char *body, struct message_text *ret)
{
	assert_true(peer_try_message(p, false, body == NULL, ret));
	assert_int_equal(ret->status, status);
	if (body)
		assert_true(str_eq(buf_view(&ret->body), str_of(body)));
	buf_free(&ret->body);
}

static inline void expect_request(struct peer *p, const char *line, const char *body, struct message_text *ret)
{
	assert_true(peer_try_message(p, true, false, ret));
	assert_true(str_starts(str_of(ret->head), str_of(line)));
	assert_true(str_eq(buf_view(&ret->body), str_of(body)));
	buf_free(&ret->body);
}

enum ending { CLEAN, RESET };

/* Nothing more comes, and the connection ends so. */
static inline void expect_end(struct peer *p, enum ending how)
{
	assert_int_equal(peer_pending(p).n, 0);
	ssize_t n = peer_fill(p);
	assert_int_equal(n, how == CLEAN ? 0 : -ECONNRESET);
}

/* The connection ends, one way or the other, whatever still comes before. */
static inline void expect_gone(struct peer *s)
{
	ssize_t n;
	while ((n = peer_fill(s)) > 0)
		;
	assert_true(n == 0 || n == -ECONNRESET);
}

static inline void expect_has(const struct message_text *m, const char *line)
{
	if (!strstr(m->head, line))
		fail_msg("no '%s' in\n%s", line, m->head);
}

static inline void expect_has_not(const struct message_text *m, const char *line)
{
	if (strcasestr(m->head, line))
		fail_msg("'%s' in\n%s", line, m->head);
}

static inline char exchange_byte(size_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}
