/* stripPrefix. The router's rule decided already that the request belongs here; a path without any of the prefixes
 * passes unchanged. */
#include "middleware/strip_prefix.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "proxy/req.h"

struct strip_prefix_conf {
	struct opt_strings prefixes;
};

static const struct opt rows[] = {
	{ .name = "prefixes",
	  .kind = OPT_STRINGS,
	  .offset = offsetof(struct strip_prefix_conf, prefixes),
	  .flags = OPT_REQUIRED,
	  .example = "[/v1, /api/v1]",
	  .doc = "Prefixes to remove from the path, compared byte by byte in the order written; the first one that "
		 "matches is removed, and only "
		 "once. The rest always starts with a slash. The removed text is added to X-Forwarded-Prefix, so that "
		 "the server can "
		 "build links." },
	{ 0 },
};

static const struct opt_table table = {
	.rows = rows,
	.size = sizeof(struct strip_prefix_conf),
	.doc = "Removes a prefix from the path before the request is forwarded.",
	.place_offset = OPT_NO_PLACE,
};

struct strip_prefix {
	struct str *prefixes; /* escaped as a normalised path is */
	size_t n;
};

/* A prefix is written as people read it ("/foo bar"); paths are compared in their escaped form. */
static struct str escaped(struct arena *arena, struct str text)
{
	static const char hex[] = "0123456789ABCDEF", plain[] = "-._~!$&'()*+,;=:@/%";
	char *p = arena_alloc(arena, 3 * text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (isalnum(c) || (c && strchr(plain, c))) {
			p[n++] = (char)c;
			continue;
		}
		p[n++] = '%';
		p[n++] = hex[c >> 4];
		p[n++] = hex[c & 15];
	}
	return str_mk(p, n);
}

static int create(const void *conf, struct arena *arena, struct place at, const char *key, struct err_list *errs,
		  void **ret_ctx)
{
	const struct strip_prefix_conf *c = conf;
	if (c->prefixes.n == 0) {
		err_add(errs, at, key, "stripPrefix needs at least one prefix");
		return -EINVAL;
	}
	struct strip_prefix *s = arena_zalloc(arena, sizeof(*s));
	s->prefixes = arena_zalloc(arena, c->prefixes.n * sizeof(*s->prefixes));
	for (size_t i = 0; i < c->prefixes.n; i++)
		s->prefixes[s->n++] = escaped(arena, str_trim(str_of(c->prefixes.v[i])));
	*ret_ctx = s;
	return 0;
}

static struct str joined(struct req *r, struct str before, struct str prefix)
{
	if (before.n == 0)
		return prefix;
	char *text = arena_printf(&r->arena, "%.*s, %.*s", STR_ARG(before), STR_ARG(prefix));
	return text ? str_of(text) : prefix;
}

/* What was stripped before, then ours: by a middleware of this chain, or by proxies before us (all lines of a trusted
 * peer; others' were dropped). */
static struct str joined_prefix(struct req *r, struct str prefix)
{
	struct str before = { 0 };
	for (unsigned i = 0; i < r->nadd; i++)
		if (str_ieq(r->add[i].name, STR("X-Forwarded-Prefix")))
			return joined(r, r->add[i].value, prefix);
	for (unsigned i = 0; r->peer_trusted && i < r->in.nfields; i++)
		if (r->in.fields[i].token == TOKEN_X_FORWARDED_PREFIX)
			before = joined(r, before, r->in.fields[i].value);
	return joined(r, before, prefix);
}

/* Cutting in the middle of a segment can bring dot segments and empty ones to light that normalisation had no reason to
 * remove: a path that the server would read differently than our rules did. */
static bool ambiguous(struct str path)
{
	struct str rest = path, segment;
	if (rest.n && rest.p[0] == '/')
		rest = str_skip(rest, 1);
	while (rest.p) {
		rest = str_cut(rest, '/', &segment);
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")) || (segment.n == 0 && rest.p))
			return true;
	}
	return false;
}

static bool cut(struct req *r, struct str prefix)
{
	struct str rest = str_skip(r->path, prefix.n);
	if (ambiguous(rest))
		return false;
	if (rest.n == 0 || rest.p[0] != '/') {
		char *p = arena_alloc(&r->arena, rest.n + 1);
		if (!p)
			return false;
		p[0] = '/';
		memcpy(p + 1, rest.p, rest.n);
		rest = str_mk(p, rest.n + 1);
	}
	r->path = rest;
	return true;
}

static enum mw_result on_request(void *ctx, struct req *r)
{
	const struct strip_prefix *s = ctx;
	for (size_t i = 0; i < s->n; i++) {
		struct str prefix = s->prefixes[i];
		if (!str_starts(r->path, prefix))
			continue;
		if (cut(r, prefix) && req_set_header(r, STR("X-Forwarded-Prefix"), joined_prefix(r, prefix)))
			return MW_NEXT;
		r->reply = (struct reply){ .status = 400,
					   .body = STR("Bad Request\n"),
					   .content_type = "text/plain; charset=utf-8",
					   .nosniff = true };
		return MW_REPLIED;
	}
	return MW_NEXT;
}

const struct mw_type mw_strip_prefix = {
	.name = "stripPrefix",
	.conf = &table,
	.create = create,
	.on_request = on_request,
};
