/* redirectScheme. Who is where it would be sent to already passes. */
#include "middleware/redirect_scheme.h"
#include <errno.h>
#include <string.h>
#include "base/num.h"
#include "http/status.h"
#include "proxy/req.h"

struct redirect_scheme_conf {
	char *scheme, *port;
	bool permanent;
};

static void check_port(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *text = *(char *const *)value;
	uint64_t port;
	if (num_u64(str_of(text), &port) < 0 || port == 0 || port > 65535)
		err_add(c->errs, at, key, "\"%s\" is not valid; expected a port from 1 to 65535", text);
}

static void check_scheme(struct opt_ctx *c, const void *value, struct place at, const char *key)
{
	const char *text = *(char *const *)value;
	if (strcmp(text, "http") != 0 && strcmp(text, "https") != 0)
		err_add(c->errs, at, key, "\"%s\" is not valid; expected http or https", text);
}

#define T struct redirect_scheme_conf
static const struct opt rows[] = {
	{ .name = "scheme",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, scheme),
	  .check = check_scheme,
	  .flags = OPT_REQUIRED,
	  .example = "https",
	  .doc = "The scheme to go to, usually https." },
	{ .name = "port",
	  .kind = OPT_STRING,
	  .offset = offsetof(T, port),
	  .check = check_port,
	  .example = "\"443\"",
	  .doc = "The port to go to; the scheme's own without it. The port of the request is never kept." },
	{ .name = "permanent",
	  .kind = OPT_BOOL,
	  .offset = offsetof(T, permanent),
	  .doc = "Answers 301, or 308 to other methods than GET, which clients remember; else 302 and 307." },
	{ 0 },
};
static const struct opt_table table = { .rows = rows,
					.size = sizeof(T),
					.place_offset = OPT_NO_PLACE,
					.doc = "Sends clients that came under another scheme to the right one." };
#undef T

struct redirect_scheme {
	struct str scheme, port; /* port empty: the scheme's own */
	bool permanent;
};

static struct str own_port(struct str scheme)
{
	return str_eq(scheme, STR("https")) ? STR("443") : STR("80");
}

static int create(const void *conf, struct arena *arena, struct place at, const char *key, struct err_list *errs,
		  void **ret_ctx)
{
	const struct redirect_scheme_conf *c = conf;
	struct redirect_scheme *s = arena_zalloc(arena, sizeof(*s));
	(void)at, (void)key, (void)errs;
	s->scheme = str_of(arena_strdup(arena, c->scheme));
	s->permanent = c->permanent;
	if (c->port && !str_eq(str_of(c->port), own_port(s->scheme)))
		s->port = str_of(arena_strdup(arena, c->port));
	*ret_ctx = s;
	return 0;
}

/* As the client sees it: a trusted proxy in front may have ended its TLS. */
static struct str scheme_of(const struct req *r)
{
	struct str said = r->peer_trusted ? req_header(r, STR("X-Forwarded-Proto")) : str_mk(NULL, 0);
	if (str_ieq(said, STR("https")) || str_ieq(said, STR("wss")))
		return STR("https");
	if (str_ieq(said, STR("http")) || str_ieq(said, STR("ws")))
		return STR("http");
	return r->tls ? STR("https") : STR("http");
}

/* "a.test:80" and "[::1]:80" taken apart; no port: empty. */
static struct str split_host(struct str all, struct str *ret_port)
{
	const char *colon = all.n ? memrchr(all.p, ':', all.n) : NULL;
	*ret_port = str_mk(NULL, 0);
	if (!colon || memchr(colon, ']', all.n - (size_t)(colon - all.p)))
		return all;
	*ret_port = str_skip(all, (size_t)(colon - all.p) + 1);
	return str_mk(all.p, (size_t)(colon - all.p));
}

static bool is_there(const struct redirect_scheme *s, struct str scheme, struct str port)
{
	if (!str_eq(scheme, s->scheme))
		return false;
	if (str_eq(port, own_port(scheme)))
		port.n = 0;
	return str_eq(port, s->port);
}

static int status_of(const struct redirect_scheme *s, const struct req *r)
{
	bool get = str_eq(r->in.method, STR("GET"));
	return s->permanent ? get ? 301 : 308 : get ? 302 : 307;
}

static enum mw_result on_request(void *ctx, struct req *r)
{
	const struct redirect_scheme *s = ctx;
	struct str port, host = split_host(r->host, &port);
	if (is_there(s, scheme_of(r), port))
		return MW_NEXT;
	char *location = arena_printf(&r->arena, "%.*s://%.*s%s%.*s%.*s%s%.*s", STR_ARG(s->scheme), STR_ARG(host),
				      s->port.n ? ":" : "", STR_ARG(s->port), STR_ARG(r->path), r->query.p ? "?" : "",
				      STR_ARG(r->query));
	int status = location ? status_of(s, r) : 500;
	r->reply = (struct reply){ .status = status, .body = status_reason((unsigned)status) };
	if (location)
		r->reply.extra[r->reply.nextra++] =
			(struct field){ .name = STR("Location"), .value = str_of(location) };
	return MW_REPLIED;
}

const struct mw_type mw_redirect_scheme = {
	.name = "redirectScheme",
	.conf = &table,
	.create = create,
	.on_request = on_request,
};
