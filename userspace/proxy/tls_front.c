/* From accept to the first request over TLS. The ClientHello is read like the head of a request and looked at before
 * OpenSSL sees it, so that its host can choose the options; plain connections pay one comparison for that. */
#include "proxy/tls_front.h"
#include <errno.h>
#include "base/clock.h"
#include "proxy/tls_hosts.h"

static void count(struct h1_server *s, enum handshake_result result)
{
	if (s->entry->handshakes[result])
		metric_add(s->entry->handshakes[result], s->worker->id, 1);
}

static void end_handshake(struct h1_server *s)
{
	if (!s->handshake_pin)
		return;
	struct snapshot_pin *pin = take_ptr(s->handshake_pin);
	list_remove(&s->handshake);
	s->worker->nhandshakes--;
	worker_unpin(s->worker, pin);
}

void tls_front_forget(struct h1_server *s)
{
	end_handshake(s);
	s->tls = NULL; /* the filter went with the connection */
}

static void give_up(struct h1_server *s, enum handshake_result result)
{
	count(s, result);
	h1_server_close(s);
}

void tls_front_timeout(struct h1_server *s)
{
	give_up(s, HANDSHAKE_TIMEOUT);
}

static void log_failure(const struct h1_server *s)
{
	log_debug("TLS handshake failed", F_STR("entryPoint", s->entry->name), F_STR("client", s->peer_text),
		  F_STR("serverName", s->tls->facts.sni), F_STR("reason", cf_tls_problem(s->tls)));
}

static void shake(struct h1_server *s)
{
	int rc = cf_tls_handshake(s->tls);
	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		log_failure(s);
		give_up(s, HANDSHAKE_FAILED);
		return;
	}
	end_handshake(s);
	count(s, s->tls->facts.resumed ? HANDSHAKE_RESUMED : HANDSHAKE_FULL);
	h1_server_start(s);
}

/* At the bound the one that has taken longest gives way: a client that means it is through in two round trips. */
static void make_room(struct worker *w)
{
	if (w->nhandshakes < w->engine->max_handshakes || list_empty(&w->handshakes))
		return;
	give_up(container_of(w->handshakes.next, struct h1_server, handshake), HANDSHAKE_EVICTED);
}

static void begin_handshake(struct h1_server *s, const struct hello *h)
{
	struct worker *w = s->worker;
	const struct snapshot *snap = w->pin->snap;
	struct tls_ctx *ctx = tls_hosts_find(snap->entries[s->entry->id].tls, hello_sni(h));
	struct str early = h1_stream_pending(&s->stream);
	int64_t limit = s->entry->conf->transport.responding.handshake_ns;
	make_room(w);
	s->tls = cf_tls_accept(&s->stream.conn, ctx, snap->certificates, h, early);
	if (!s->tls) {
		h1_server_close(s);
		return;
	}
	s->stream.rx_start = s->stream.rx_end;
	h1_stream_release_head(&s->stream);
	s->state = SERVER_HANDSHAKE;
	s->handshake_pin = worker_pin(w);
	list_push_back(&w->handshakes, &s->handshake);
	w->nhandshakes++;
	timer_set(&w->loop.wheel, &s->timer, (w->loop.now_ns + (uint64_t)limit) / NS_PER_MS + 1);
	shake(s);
}

/* Returns false when there is nothing more to do for now. */
static bool sniff(struct h1_server *s)
{
	struct hello h;
	ssize_t n = h1_stream_fill(&s->stream);
	struct str have = h1_stream_pending(&s->stream);
	if (n == -EAGAIN)
		return false;
	if (n <= 0 && n != -ENOBUFS) {
		h1_server_close(s);
		return false;
	}
	if (!hello_begins((unsigned char)have.p[0]) || !s->worker->pin->snap->entries[s->entry->id].tls) {
		h1_server_start(s);
		return false;
	}
	if (hello_parse(have.p, have.n, s->worker->scratch, &h) == -EAGAIN && n > 0)
		return true;
	begin_handshake(s, &h); /* what is broken OpenSSL answers with the right alert */
	return false;
}

void tls_front_run(struct h1_server *s)
{
	if (s->state == SERVER_HANDSHAKE) {
		shake(s);
		return;
	}
	while (sniff(s))
		;
}

bool tls_front_may_keep(const struct h1_server *s)
{
	return !s->tls || !atomic_load_explicit(&s->tls->ctx->retired, memory_order_relaxed);
}

bool tls_front_fits(const struct h1_server *s, const struct snapshot_entry *e, const struct route *rt, struct str host)
{
	if (!s->tls)
		return true;
	const struct tls_ctx *wanted = rt->by_host ? tls_hosts_find(e->tls, host) : e->tls->common;
	return wanted == s->tls->ctx || strcmp(wanted->name, s->tls->facts.options) == 0;
}
