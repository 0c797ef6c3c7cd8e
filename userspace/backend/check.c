/* Active health checks: when to ask, one non-blocking connection per question, and the thresholds between an answer and
 * a target's state. What is asked and what answers mean is in check_http.c and check_tcp.c. Nothing here logs; the
 * changed callback tells. */
#include "backend/check_kind.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/mem.h"
#include "io/sock.h"
#include "tls/cf_tls.h"

/* One target's check: waiting for its time, or busy with one connection; never two at once. */
struct probe {
	struct conn conn;
	struct cf_tls *tls; /* the connection owns it; NULL: plain, or not yet */
	SSL_SESSION *session;
	struct timer timer; /* idle: the next start; busy: the deadline */
	struct check_group *group;
	struct target *target;
	bool busy, connected;
	unsigned streak; /* results in a row that contradict target->up */
	uint64_t started_ms;
	char *request;
	size_t request_len, sent, got;
	char *answer; /* CHECK_MAX_ANSWER bytes while busy */
};

struct check_group {
	struct loop *loop;
	struct service *service; /* not referenced: whoever starts checks stops them before letting go of the service */
	struct check_spec spec;
	const struct check_talk *talk;
	check_changed_fn changed;
	check_way_fn way;
	void *ctx;
	struct deferred gone;
	size_t nprobes;
	struct probe probes[];
};

static uint64_t now_ms(const struct probe *p)
{
	return p->group->loop->now_ns / NS_PER_MS;
}

static uint64_t interval_ms(const struct probe *p)
{
	const struct check_spec *s = &p->group->spec;
	uint64_t ns =
		atomic_load(&p->target->up) || !s->unhealthy_interval_ns ? s->interval_ns : s->unhealthy_interval_ns;

	return ns < NS_PER_MS ? 1 : ns / NS_PER_MS;
}

static void probe_hang_up(struct probe *p)
{
	conn_close(&p->conn);
	p->tls = NULL;
	timer_cancel(&p->group->loop->wheel, &p->timer);
	p->busy = false;
	free(take_ptr(p->answer));
}

/* Counts one result; true when it turns the target's state over. */
static bool probe_count(struct probe *p, bool passed)
{
	const struct check_spec *s = &p->group->spec;
	unsigned needed = passed ? s->healthy_threshold : s->unhealthy_threshold;

	if (passed == atomic_load(&p->target->up)) {
		p->streak = 0;
		return false;
	}
	return ++p->streak >= needed;
}

static void probe_finish(struct probe *p, enum target_reason why)
{
	struct check_group *g = p->group;
	struct target *t = p->target;
	bool passed = why == TARGET_CHECK_OK, turned;
	uint64_t next;

	probe_hang_up(p);
	turned = probe_count(p, passed);
	if (turned) {
		p->streak = 0;
		atomic_store(&t->reason, why);
		atomic_store(&t->changed_wall_ns, clock_wall_ns());
		atomic_store(&t->up, passed);
	} else if (passed == atomic_load(&t->up)) {
		atomic_store(&t->reason,
			     why); /* still down, but for another cause now; or confirmed for the first time */
	}
	/* From start to start, but a check that took longer than the interval delays the next one. */
	next = p->started_ms + interval_ms(p);
	timer_set(&g->loop->wheel, &p->timer, next > now_ms(p) ? next : now_ms(p) + 1);
	if (turned)
		g->changed(g->ctx, g->service, t, passed, why); /* may stop the group */
}

static enum target_reason connect_reason(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return TARGET_CONNECT_REFUSED;
	case ETIMEDOUT:
		return TARGET_CONNECT_TIMEOUT;
	default:
		return TARGET_CONNECT_FAILED;
	}
}

/* TARGET_INITIAL: goes on. */
static enum target_reason probe_send(struct probe *p)
{
	while (p->sent < p->request_len || p->conn.unsent) {
		struct iovec iov = { p->request + p->sent, p->request_len - p->sent };
		ssize_t n = conn_writev(&p->conn, &iov, iov.iov_len ? 1 : 0);

		if (n < 0)
			return n == -EAGAIN ? TARGET_INITIAL : TARGET_CLOSED_EARLY;
		p->sent += (size_t)n;
	}
	return TARGET_INITIAL;
}

static enum target_reason probe_read(struct probe *p)
{
	const struct check_group *g = p->group;
	enum target_reason why = g->talk->judge(&g->spec, p->answer, p->got, false);

	while (why == TARGET_INITIAL) {
		ssize_t n;

		if (p->got == CHECK_MAX_ANSWER)
			return TARGET_BAD_ANSWER;
		n = conn_recv(&p->conn, p->answer + p->got, CHECK_MAX_ANSWER - p->got);
		if (n == -EAGAIN)
			return TARGET_INITIAL;
		if (n == -EKEYREJECTED)
			return TARGET_TLS_REFUSED;
		p->got += n > 0 ? (size_t)n : 0;
		why = g->talk->judge(&g->spec, p->answer, p->got, n <= 0);
	}
	return why;
}

/* TARGET_CHECK_OK: connected. TARGET_INITIAL: not yet. */
static enum target_reason probe_connect(struct probe *p)
{
	int rc = sock_error(p->conn.watch.fd);

	if (rc < 0)
		return connect_reason(-rc);
	p->connected |= p->conn.writable;
	return p->connected ? TARGET_CHECK_OK : TARGET_INITIAL;
}

static bool is_secure(const struct probe *p)
{
	const struct check_spec *s = &p->group->spec;

	return s->kind == CHECK_HTTP && p->target->transport && (s->scheme ? s->secure : p->target->secure);
}

/* The same about the TLS handshake. */
static enum target_reason probe_handshake(struct probe *p)
{
	int rc;

	if (!is_secure(p))
		return TARGET_CHECK_OK;
	if (!p->tls)
		p->tls = cf_tls_connect(&p->conn, p->target->transport->tls, p->target->host, &p->session);
	rc = p->tls ? cf_tls_handshake(p->tls) : -ENOMEM;
	if (rc == -EAGAIN)
		return TARGET_INITIAL;
	return rc == 0 ? TARGET_CHECK_OK : rc == -EKEYREJECTED ? TARGET_TLS_REFUSED : TARGET_TLS_FAILED;
}

static enum target_reason probe_talk(struct probe *p)
{
	enum target_reason why = probe_send(p);

	/* An answer that came although the request could not be sent whole counts: servers may refuse early. */
	if (p->sent == p->request_len || why != TARGET_INITIAL) {
		enum target_reason answer = probe_read(p);

		why = answer != TARGET_INITIAL ? answer : why;
	}
	return why;
}

static void probe_ready(struct watch *w, uint32_t events)
{
	struct probe *p = container_of(w, struct probe, conn.watch);
	enum target_reason why;

	conn_note(&p->conn, events);
	why = p->connected ? TARGET_CHECK_OK : probe_connect(p);
	if (why == TARGET_CHECK_OK)
		why = probe_handshake(p);
	if (why == TARGET_CHECK_OK)
		why = probe_talk(p);
	if (why != TARGET_INITIAL)
		probe_finish(p, why);
}

/* A way of its own: source and mark choose it. All checks on such ways share one destination, and a closed connection
 * would hold its port towards that for a minute; so they end with a reset. The port is chosen at the connect, where
 * only the whole tuple must be free. */
static int take_way(int fd, const struct check_way *way)
{
	const struct endpoint from = { .addr = way->from };
	struct linger reset = { .l_onoff = 1 };
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(&from, &sa);
	bool four = addr_is_v4(&way->from);
	int on = 1;

	if (way->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &way->mark, sizeof(way->mark)) < 0)
		return -errno;
	if (way->hops && setsockopt(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TTL : IPV6_UNICAST_HOPS, &way->hops,
				    sizeof(way->hops)) < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int dial_by(int fd, const struct endpoint *at, const struct check_way *way)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int on = 1, r = way ? take_way(fd, way) : 0;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (r == 0 && connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		r = -errno;
	return r;
}

static int probe_dial(struct probe *p)
{
	const struct check_group *g = p->group;
	struct check_way way;
	bool detour = g->way && g->way(g->ctx, g->service, p->target, &way);
	struct endpoint at = detour ? way.to : p->target->at;
	int fd, r;

	if (g->spec.port)
		at.port = g->spec.port;
	fd = socket(addr_is_v4(&at.addr) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = dial_by(fd, &at, detour ? &way : NULL);
	if (r == 0)
		return conn_open(&p->conn, g->loop, fd, probe_ready);
	close(fd);
	return r;
}

static void probe_start(struct probe *p)
{
	uint64_t timeout_ms = p->group->spec.timeout_ns / NS_PER_MS;
	int r;

	p->started_ms = now_ms(p);
	p->busy = true;
	p->connected = false;
	p->sent = p->got = 0;
	p->answer = mem_alloc(CHECK_MAX_ANSWER);
	r = probe_dial(p);
	if (r < 0) {
		probe_finish(p, connect_reason(-r));
		return;
	}
	timer_set(&p->group->loop->wheel, &p->timer, p->started_ms + (timeout_ms ? timeout_ms : 1));
}

static void probe_timer(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	if (p->busy)
		probe_finish(p, p->connected ? TARGET_ANSWER_TIMEOUT : TARGET_CONNECT_TIMEOUT);
	else
		probe_start(p);
}

static char *copy(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

static const char *const *copy_list(const char *const *from, size_t n)
{
	const char **to = n ? mem_zalloc(n * sizeof(*to)) : NULL;

	for (size_t i = 0; i < n; i++)
		to[i] = mem_strdup(from[i]);
	return to;
}

static void free_list(const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)v[i]);
	free((void *)v);
}

static void spec_copy(struct check_spec *to, const struct check_spec *from)
{
	*to = *from;
	to->method = copy(from->method);
	to->path = copy(from->path);
	to->hostname = copy(from->hostname);
	to->send = copy(from->send);
	to->expect = copy(from->expect);
	to->header_names = copy_list(from->header_names, from->nheaders);
	to->header_values = copy_list(from->header_values, from->nheaders);
	to->healthy_threshold = from->healthy_threshold ? from->healthy_threshold : 1;
	to->unhealthy_threshold = from->unhealthy_threshold ? from->unhealthy_threshold : 1;
}

static void spec_free(struct check_spec *s)
{
	free((void *)s->method);
	free((void *)s->path);
	free((void *)s->hostname);
	free((void *)s->send);
	free((void *)s->expect);
	free_list(s->header_names, s->nheaders);
	free_list(s->header_values, s->nheaders);
}

static void group_free(struct deferred *d)
{
	struct check_group *g = container_of(d, struct check_group, gone);

	for (size_t i = 0; i < g->nprobes; i++) {
		free(g->probes[i].request);
		SSL_SESSION_free(g->probes[i].session);
	}
	spec_free(&g->spec);
	free(g);
}

static void probe_init(struct probe *p, struct check_group *g, struct target *t)
{
	p->group = g;
	p->target = t;
	p->conn.watch.fd = -1;
	timer_init(&p->timer, probe_timer);
	p->request = g->talk->request(&g->spec, t, &p->request_len);
}

struct check_group *check_start(struct loop *loop, struct service *s, const struct check_spec *spec,
				check_changed_fn changed, check_way_fn way, void *ctx)
{
	struct check_group *g = mem_zalloc(sizeof(*g) + s->ntargets * sizeof(g->probes[0]));
	uint64_t window_ms = (spec->interval_ns < NS_PER_S ? spec->interval_ns : NS_PER_S) / NS_PER_MS;

	g->loop = loop;
	g->service = s;
	g->talk = spec->kind == CHECK_HTTP ? &check_http_talk : &check_tcp_talk;
	g->changed = changed;
	g->way = way;
	g->ctx = ctx;
	g->nprobes = s->ntargets;
	spec_copy(&g->spec, spec);
	for (size_t i = 0; i < g->nprobes; i++) {
		struct probe *p = &g->probes[i];

		probe_init(p, g, s->targets[i]);
		/* Spread evenly, so that a group of hundreds does not ask all its servers in one millisecond. */
		timer_set(&loop->wheel, &p->timer, loop->now_ns / NS_PER_MS + 1 + window_ms * i / g->nprobes);
	}
	return g;
}

void check_stop(struct check_group **gp)
{
	struct check_group *g = *gp;

	*gp = NULL;
	if (!g)
		return;
	for (size_t i = 0; i < g->nprobes; i++)
		probe_hang_up(&g->probes[i]);
	/* Stopping from inside the changed callback, or from the batch that names our descriptors, is allowed. */
	loop_defer(g->loop, &g->gone, group_free);
}
