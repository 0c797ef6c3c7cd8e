/* Serialising forwarded heads. */
#include "proxy/forwarded.h"
#include "base/mem.h"
#include "http/status.h"
#include "http/uri.h"
#include "proxy/h1_server.h"
#include "proxy/tunnel.h"

/* How a field that is known by name is treated on its way to the server. */
enum policy { PASS, HOP, OURS, TRUST };

static const uint8_t policies[TOKEN_COUNT] = {
	[TOKEN_CONNECTION] = HOP,
	[TOKEN_KEEP_ALIVE] = HOP,
	[TOKEN_PROXY_CONNECTION] = HOP,
	[TOKEN_PROXY_AUTHENTICATE] = HOP,
	[TOKEN_PROXY_AUTHORIZATION] = HOP,
	[TOKEN_TE] = HOP,
	[TOKEN_TRAILER] = HOP,
	[TOKEN_TRANSFER_ENCODING] = HOP,
	[TOKEN_UPGRADE] = HOP,
	[TOKEN_CONTENT_LENGTH] = HOP,
	[TOKEN_HOST] = OURS,
	[TOKEN_EXPECT] = OURS,
	[TOKEN_X_FORWARDED_FOR] = OURS,
	[TOKEN_X_FORWARDED_SERVER] = OURS,
	[TOKEN_X_FORWARDED_PROTO] = TRUST,
	[TOKEN_X_FORWARDED_HOST] = TRUST,
	[TOKEN_X_FORWARDED_PORT] = TRUST,
	[TOKEN_X_FORWARDED_URI] = TRUST,
	[TOKEN_X_FORWARDED_METHOD] = TRUST,
	[TOKEN_X_FORWARDED_PREFIX] = TRUST,
	[TOKEN_X_FORWARDED_SCHEME] = TRUST,
	[TOKEN_X_FORWARDED_TLS_CLIENT_CERT] = TRUST,
	[TOKEN_X_FORWARDED_TLS_CLIENT_CERT_INFO] = TRUST,
	[TOKEN_X_REAL_IP] = TRUST,
	[TOKEN_X_SCHEME] = TRUST,
};

/* Fields that the Connection field names are for this hop only (RFC 9110 §7.6.1); the managed X- fields cannot be
 * removed that way. */
static bool named_by_connection(const struct head *h, struct str name)
{
	for (unsigned i = 0; i < h->nfields; i++)
		if (h->fields[i].token == TOKEN_CONNECTION && str_list_has(h->fields[i].value, name))
			return true;
	return false;
}

/* Whether that is worth asking for each field: any of the Connection lines says more than the usual. */
static bool connection_names_fields(const struct head *h)
{
	for (unsigned i = 0; h->connection.p && i < h->nfields; i++) {
		struct str v = h->fields[i].value;
		if (h->fields[i].token == TOKEN_CONNECTION && v.n && !str_ieq(v, STR("keep-alive")) &&
		    !str_ieq(v, STR("close")))
			return true;
	}
	return false;
}

static bool replaced(const struct req *r, struct str name)
{
	for (unsigned i = 0; i < r->nadd; i++)
		if (str_ieq(r->add[i].name, name))
			return true;
	return false;
}

struct seen {
	bool proto, host, port, real_ip, te;
};

static void note_seen(struct seen *s, enum token t)
{
	s->proto |= t == TOKEN_X_FORWARDED_PROTO;
	s->host |= t == TOKEN_X_FORWARDED_HOST;
	s->port |= t == TOKEN_X_FORWARDED_PORT;
	s->real_ip |= t == TOKEN_X_REAL_IP;
}

static bool passes(const struct req *r, const struct field *f, bool check_connection)
{
	switch ((enum policy)policies[f->token]) {
	case HOP:
	case OURS:
		return false;
	case TRUST:
		return r->peer_trusted && !(r->entry->conf->forwarded.add_scheme &&
					    (f->token == TOKEN_X_FORWARDED_SCHEME || f->token == TOKEN_X_SCHEME));
	case PASS:
		break;
	}
	if (!r->peer_trusted && f->token == TOKEN_NONE && (f->name.p[0] | 0x20) == 'x' &&
	    token_is_forwarded_spelling(f->name))
		return false;
	return !check_connection || !named_by_connection(&r->in, f->name);
}

bool forwarded_wants_trailers(const struct req *r)
{
	for (unsigned i = 0; i < r->in.nfields; i++)
		if (r->in.fields[i].token == TOKEN_TE && str_list_has(r->in.fields[i].value, STR("trailers")))
			return true;
	return false;
}

static void copy_fields(const struct req *r, struct out *o, struct seen *seen)
{
	bool check = connection_names_fields(&r->in);
	for (unsigned i = 0; i < r->in.nfields; i++) {
		const struct field *f = &r->in.fields[i];
		seen->te |= f->token == TOKEN_TE;
		if (f->token == TOKEN_TRAILER && r->in.chunked)
			out_field(o, f->name, f->value);
		if (!passes(r, f, check) || (r->nadd && replaced(r, f->name)))
			continue;
		note_seen(seen, f->token);
		out_field(o, f->name, f->value);
	}
	for (unsigned i = 0; i < r->nadd; i++)
		out_field(o, r->add[i].name, r->add[i].value);
}

/* Prior hops of a trusted peer, then the peer itself. */
static void forwarded_for(const struct req *r, struct out *o)
{
	bool any = false;
	for (unsigned i = 0; r->peer_trusted && i < r->in.nfields; i++) {
		if (r->in.fields[i].token != TOKEN_X_FORWARDED_FOR || r->in.fields[i].value.n == 0)
			continue;
		out_str(o, any ? STR(", ") : STR("X-Forwarded-For: "));
		out_str(o, r->in.fields[i].value);
		any = true;
	}
	if (!r->entry->conf->forwarded.not_append_for) {
		out_str(o, any ? STR(", ") : STR("X-Forwarded-For: "));
		out_bytes(o, r->down->peer_text, r->down->peer_len);
		any = true;
	}
	if (any)
		out_lit(o, "\r\n");
}

/* X-Forwarded-Proto once more, under the names that some applications know. */
static void add_scheme(const struct req *r, struct out *o, const struct seen *seen)
{
	struct str proto = seen->proto ? head_field(&r->in, TOKEN_X_FORWARDED_PROTO)->value
			   : r->tls    ? STR("https")
				       : STR("http");
	out_field(o, STR("X-Forwarded-Scheme"), proto);
	out_field(o, STR("X-Scheme"), proto);
}

static void add_forwarded(const struct req *r, struct out *o, const struct seen *seen)
{
	const struct engine *e = r->worker->engine;
	forwarded_for(r, o);
	if (!seen->host && r->host.n)
		out_field(o, STR("X-Forwarded-Host"), r->host);
	if (!seen->port) {
		uint16_t port = uri_host_port(r->host);
		out_lit(o, "X-Forwarded-Port: ");
		out_u64(o, port ? port : r->tls ? 443 : 80);
		out_lit(o, "\r\n");
	}
	if (!seen->proto)
		out_str(o, r->tls ? STR("X-Forwarded-Proto: https\r\n") : STR("X-Forwarded-Proto: http\r\n"));
	if (r->entry->conf->forwarded.add_scheme)
		add_scheme(r, o, seen);
	out_field(o, STR("X-Forwarded-Server"), str_of(e->hostname));
	if (!seen->real_ip)
		out_field(o, STR("X-Real-Ip"), str_mk(r->down->peer_text, r->down->peer_len));
}

static void upgrade_fields(const struct head *h, struct out *o)
{
	for (unsigned i = 0; i < h->nfields; i++)
		if (h->fields[i].token == TOKEN_UPGRADE)
			out_field(o, STR("Upgrade"), h->fields[i].value);
}

/* What we ask of the server for this hop (RFC 9110 §7.6.1, §10.1.4). */
static void connection_fields(const struct req *r, struct out *o, bool te)
{
	if (te)
		out_lit(o, "Te: trailers\r\n");
	if (!tunnel_wanted(r)) {
		if (te)
			out_lit(o, "Connection: TE\r\n");
		return;
	}
	if (te)
		out_lit(o, "Connection: Upgrade, TE\r\n");
	else
		out_lit(o, "Connection: Upgrade\r\n");
	upgrade_fields(&r->in, o);
}

void forwarded_request(const struct req *r, struct out *o)
{
	struct seen seen = { 0 };
	out_str(o, r->method);
	out_lit(o, " ");
	out_str(o, r->path);
	if (r->query.p) {
		out_lit(o, "?");
		out_str(o, r->query);
	}
	out_lit(o, " HTTP/1.1\r\n");
	out_field(o, STR("Host"), r->route->service->pass_host_header ? r->host : str_of(r->target->authority));
	copy_fields(r, o, &seen);
	add_forwarded(r, o, &seen);
	connection_fields(r, o, seen.te && forwarded_wants_trailers(r));
	/* The server's 100 goes back to the client, who alone knows whether it still waits for one. */
	if (r->in.expect_continue && r->in.minor == 1 && !r->body_in_done)
		out_lit(o, "Expect: 100-continue\r\n");
	if (r->in.chunked)
		out_lit(o, "Transfer-Encoding: chunked\r\n");
	else if (r->in.content_length >= 0) {
		out_lit(o, "Content-Length: ");
		out_u64(o, (uint64_t)r->in.content_length);
		out_lit(o, "\r\n");
	}
	out_lit(o, "\r\n");
}

static bool response_passes(const struct head *h, const struct field *f, bool check)
{
	if (policies[f->token] == HOP)
		return false;
	return !check || !named_by_connection(h, f->name);
}

static void response_line(const struct head *h, struct out *o)
{
	out_lit(o, "HTTP/1.1 ");
	out_u64(o, (uint64_t)h->status);
	out_lit(o, " ");
	out_str(o, h->reason);
	out_lit(o, "\r\n");
}

static void trailer_announced(const struct req *r, struct out *o)
{
	const struct field *f = head_field(&r->out, TOKEN_TRAILER);
	if (f && forwarded_wants_trailers(r))
		out_field(o, f->name, f->value);
}

void forwarded_interim(const struct head *h, struct out *o)
{
	bool check = connection_names_fields(h);
	response_line(h, o);
	for (unsigned i = 0; i < h->nfields; i++)
		if (response_passes(h, &h->fields[i], check))
			out_field(o, h->fields[i].name, h->fields[i].value);
	out_lit(o, "\r\n");
}

/* Fields that the engine or applications act on have their place in the head, where rules and middleware saw them. */
static bool trailer_passes(const struct field *f)
{
	static const char *const head_only[] = { "Age",		"Cache-Control",      "Content-Range",
						 "Expires",	"If-Match",	      "If-None-Match",
						 "If-Range",	"Max-Forwards",	      "Pragma",
						 "Retry-After", "WWW-Authenticate",   "If-Modified-Since",
						 "Forwarded",	"If-Unmodified-Since" };
	if (f->token != TOKEN_NONE || token_is_forwarded_spelling(f->name))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(head_only); i++)
		if (str_ieq(f->name, str_of(head_only[i])))
			return false;
	return true;
}

void forwarded_trailer(const struct field *fields, unsigned n, struct out *o)
{
	for (unsigned i = 0; i < n; i++)
		if (trailer_passes(&fields[i]))
			out_field(o, fields[i].name, fields[i].value);
}

void forwarded_response(const struct req *r, enum h1_body_kind framing, bool keep, struct out *o)
{
	const struct head *h = &r->out;
	bool check = connection_names_fields(h);
	response_line(h, o);
	for (unsigned i = 0; i < h->nfields; i++)
		if (response_passes(h, &h->fields[i], check))
			out_field(o, h->fields[i].name, h->fields[i].value);
	if (framing == H1_BODY_CHUNKED && h->chunked)
		trailer_announced(r, o);
	if (framing == H1_BODY_CHUNKED)
		out_lit(o, "Transfer-Encoding: chunked\r\n");
	else if (h->content_length >= 0 && h->status >= 200 && h->status != 204) {
		out_lit(o, "Content-Length: ");
		out_u64(o, (uint64_t)h->content_length);
		out_lit(o, "\r\n");
	}
	if (h->status == 101) {
		out_lit(o, "Connection: Upgrade\r\n");
		upgrade_fields(h, o);
	} else if (!keep)
		out_lit(o, "Connection: close\r\n");
	else if (r->in.minor == 0)
		out_lit(o, "Connection: keep-alive\r\n");
	out_lit(o, "\r\n");
}
