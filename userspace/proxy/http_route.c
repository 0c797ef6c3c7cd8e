/* The first step: what is asked, in the one form that rules and servers see, and which router takes it. */
#include <errno.h>
#include <string.h>
#include "http/uri.h"
#include "proxy/http_fsm.h"
#include "proxy/tls_front.h"

static bool header_any(const void *ctx, struct str name, bool (*test)(const void *arg, struct str value),
		       const void *arg)
{
	const struct req *r = ctx;
	for (unsigned i = 0; i < r->in.nfields; i++)
		if (r->in.fields[i].name.n == name.n && str_ieq(r->in.fields[i].name, name) &&
		    test(arg, r->in.fields[i].value))
			return true;
	return false;
}

/* Takes the target apart: origin-form, absolute-form (whose host wins over the Host field, RFC 9112 §3.2.2), or "*". */
static int split_target(struct req *r)
{
	struct str t = r->in.target;
	r->host = r->in.host;
	bool asterisk = str_eq(t, STR("*"));
	if (asterisk && !str_eq(r->in.method, STR("OPTIONS")))
		return -EINVAL;
	if (t.p[0] != '/' && !asterisk) {
		struct uri u;
		if (uri_parse(t, &u) < 0 || (!str_ieq(u.scheme, STR("http")) && !str_ieq(u.scheme, STR("https"))))
			return -EINVAL;
		size_t authority = u.scheme.n + 3;
		size_t n = authority;
		while (n < t.n && t.p[n] != '/' && t.p[n] != '?')
			n++;
		r->host = str_mk(t.p + authority, n - authority);
		t = str_skip(t, n);
	}
	struct str rest = str_cut(t, '?', &r->path);
	r->query = rest;
	return 0;
}

/* ';' is no separator to many servers and one to others: as Traefik does, make it the unambiguous '&', or escape it. */
static int clean_query(struct req *r)
{
	if (!r->query.p || !memchr(r->query.p, ';', r->query.n))
		return 0;
	bool escape = r->entry->conf->http.encode_query_semicolons;
	char *q = arena_alloc(&r->arena, r->query.n * (escape ? 3 : 1));
	size_t n = 0;
	if (!q)
		return -ENOMEM;
	for (size_t i = 0; i < r->query.n; i++) {
		struct str c = str_mk(r->query.p + i, 1);
		if (*c.p == ';')
			c = escape ? STR("%3B") : STR("&");
		memcpy(q + n, c.p, c.n);
		n += c.n;
	}
	r->query = str_mk(q, n);
	return 0;
}

/* http.underscoreHeadersStrategy, before anything looks at the fields. */
static int sort_out_underscores(struct req *r)
{
	int strategy = r->entry->conf->http.underscores;
	unsigned n = 0;
	for (unsigned i = 0; strategy != UNDERSCORES_KEEP && i < r->in.nfields; i++) {
		if (!memchr(r->in.fields[i].name.p, '_', r->in.fields[i].name.n))
			r->in.fields[n++] = r->in.fields[i];
		else if (strategy == UNDERSCORES_REJECT)
			return -EINVAL;
	}
	if (strategy != UNDERSCORES_KEEP)
		r->in.nfields = n;
	return 0;
}

static bool escapes_denied(const struct req *r)
{
	return r->entry->denied_escapes && (uri_escapes(r->path) & r->entry->denied_escapes);
}

/* What the agent answers itself is exempt: whoever asks whether we live must learn that we do. */
static bool overloaded(const struct req *r)
{
	struct worker *w = r->worker;
	unsigned most = w->engine->max_blocks;
	return !r->route->is_internal && (overload_refuses(&w->overload) || (most && w->blocks.in_use > most));
}

static enum step_result refuse(struct req *r)
{
	r->keep_down = false; /* the client comes back through the gate */
	req_fail(r, REASON_OVERLOAD);
	r->reply = (struct reply){ .status = 503,
				   .body = STR("overloaded\n"),
				   .content_type = "text/plain; charset=utf-8" };
	r->reply.extra[r->reply.nextra++] = (struct field){ STR("Retry-After"), STR("1"), TOKEN_NONE };
	return STEP_NEXT;
}

static enum step_result deny_escapes(struct req *r)
{
	req_fail(r, REASON_ENCODED_CHARACTER);
	r->reply.body = (struct str){ 0 };
	return STEP_NEXT;
}

static bool peer_is_trusted(const struct req *r)
{
	return r->entry->conf->forwarded.insecure ||
	       (r->entry->trusted.n && prefix_set_has(&r->entry->trusted, &r->peer.addr));
}

enum step_result step_route(struct req *r)
{
	char host[URI_HOST_MAX + 1];
	struct rule_facts f = { .client = &r->peer.addr, .header_ctx = r, .header_any = header_any };
	r->method = r->in.method;
	if (str_eq(r->method, STR("CONNECT")))
		return step_fail(r, REASON_NOT_IMPLEMENTED);
	if (r->in.expect_other)
		return step_fail(r, REASON_EXPECTATION);
	if (sort_out_underscores(r) < 0 || split_target(r) < 0 || clean_query(r) < 0 ||
	    uri_normalise(&r->arena, r->path, r->entry->conf->http.sanitize_path, &r->path) < 0 ||
	    uri_routing_path(&r->arena, r->path, &f.path) < 0 ||
	    uri_canonical_host(r->host, host, sizeof(host), &f.host) < 0)
		return step_fail(r, REASON_BAD_REQUEST);
	r->peer_trusted = peer_is_trusted(r);
	f.query = r->query;
	f.method = r->method;
	const struct snapshot_entry *e = &r->pin->snap->entries[r->entry->id];
	const struct rule_index *routes = r->tls ? e->tls_routes : e->routes;
	r->route = routes ? rule_index_find(routes, &f) : NULL;
	if (!r->route)
		return step_fail(r, REASON_NO_ROUTE);
	if (!tls_front_fits(r->down, e, r->route, f.host))
		return step_fail(r, REASON_MISDIRECTED);
	if (overloaded(r))
		return refuse(r);
	if (r->route->timeout_ns)
		r->arm = true;
	return escapes_denied(r) ? deny_escapes(r) : step_to(r, REQ_REQUEST_PHASE);
}
