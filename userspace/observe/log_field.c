/* The table, and the few facts that take more than a member access. */
#include "observe/log_field.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/escape.h"

/* Longest text of one field. With every field at its limit a line still fits a log buffer. */
#define FIELD_MAX    4000u
#define PATH_MAX_OUT 16000u

#define NOTHING str_mk(NULL, 0)

/* ---- facts ---- */

static void split_peer(struct log_line *l)
{
	struct str all = str_of(l->peer);
	size_t colon = all.n;

	while (colon && all.p[colon - 1] != ':')
		colon--;
	if (!colon) {
		l->peer_host = all;
		l->peer_port = STR("-");
		return;
	}
	l->peer_host = str_mk(all.p, colon - 1);
	l->peer_port = str_skip(all, colon);
	if (l->peer_host.n >= 2 && l->peer_host.p[0] == '[')
		l->peer_host = str_mk(l->peer_host.p + 1, l->peer_host.n - 2);
}

/* "name:80", "[::1]:80"; anything else is all host. */
static void split_host(struct log_line *l, struct str all)
{
	const char *colon = all.n ? memrchr(all.p, ':', all.n) : NULL;
	struct str host;

	l->host = all;
	l->port = STR("-");
	if (!colon)
		return;
	host = str_mk(all.p, (size_t)(colon - all.p));
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_mk(host.p + 1, host.n - 2);
	else if (host.n && memchr(host.p, ':', host.n))
		return;
	l->host = host;
	l->port = str_skip(all, (size_t)(colon - all.p) + 1);
}

uint64_t log_line_duration(const struct log_line *l)
{
	return l->r->end_ns > l->r->start_ns ? l->r->end_ns - l->r->start_ns : 0;
}

static uint64_t log_line_retries(const struct log_line *l)
{
	return l->r->attempts > 1 ? l->r->attempts - 1 : 0;
}

static struct str request_addr(const struct log_line *l)
{
	return l->r->in.host.n ? l->r->in.host : l->r->host;
}

void log_line_init(struct log_line *l, const struct req *r, struct stamp_cache *stamps, uint64_t count)
{
	l->r = r;
	l->count = count;
	l->end_wall_ns = clock_wall_ns();
	l->start_wall_ns = l->end_wall_ns - log_line_duration(l);
	l->start = *stamp_get(stamps, l->start_wall_ns);
	l->end = stamp_get(stamps, l->end_wall_ns);
	endpoint_print(&r->peer, l->peer);
	split_peer(l);
	split_host(l, request_addr(l));
}

struct str log_line_path(const struct log_line *l)
{
	struct str t = l->r->in.target;
	const char *scheme, *slash;

	if (!t.n || t.p[0] == '/')
		return t;
	/* Absolute form: the path is what follows the authority. */
	scheme = memmem(t.p, t.n, "://", 3);
	if (!scheme)
		return t;
	t = str_skip(t, (size_t)(scheme - t.p) + 3);
	slash = t.n ? memchr(t.p, '/', t.n) : NULL;
	return slash ? str_skip(t, (size_t)(slash - t.p)) : STR("/");
}

struct str log_line_client(const struct log_line *l)
{
	const struct field *f = l->r->peer_trusted ? head_field(&l->r->in, TOKEN_X_FORWARDED_FOR) : NULL;

	return f && f->value.n ? f->value : l->peer_host;
}

struct str log_line_protocol(const struct log_line *l)
{
	return l->r->in.minor ? STR("HTTP/1.1") : STR("HTTP/1.0");
}

/* ---- getters, one line each where it fits ---- */

/* clang-format off */
static struct str client_addr(const struct log_line *l) { return str_of(l->peer); }
static struct str client_port(const struct log_line *l) { return l->peer_port; }
static struct str client_username(const struct log_line *l) { (void)l; return STR("-"); }
static struct str request_host(const struct log_line *l) { return l->host; }
static struct str request_port(const struct log_line *l) { return l->port; }
static struct str request_method(const struct log_line *l) { return l->r->in.method.p ? l->r->in.method : STR(""); }
static struct str request_scheme(const struct log_line *l) { return l->r->tls ? STR("https") : STR("http"); }
static struct str tls_version(const struct log_line *l) { return l->r->tls ? str_of(l->r->tls->version) : NOTHING; }
static struct str tls_cipher(const struct log_line *l) { return l->r->tls ? str_of(l->r->tls->cipher) : NOTHING; }
static struct str tls_subject(const struct log_line *l) { return l->r->tls ? str_of(l->r->tls->subject) : NOTHING; }

static struct str tls_name(const struct log_line *l)
{
	return l->r->tls && l->r->tls->sni_len ? str_mk(l->r->tls->sni, l->r->tls->sni_len) : NOTHING;
}

static struct str entry_name(const struct log_line *l) { return l->r->entry ? str_of(l->r->entry->name) : NOTHING; }
static struct str router_name(const struct log_line *l) { return l->r->route ? str_of(l->r->route->name) : NOTHING; }

static struct str service_name(const struct log_line *l)
{
	return l->r->route ? str_of(l->r->route->service_name) : NOTHING;
}

static struct str service_addr(const struct log_line *l)
{
	return l->r->target ? str_of(l->r->target->authority) : NOTHING;
}

static struct str service_url(const struct log_line *l) { return l->r->target ? str_of(l->r->target->name) : NOTHING; }
static struct str level(const struct log_line *l) { (void)l; return STR("info"); }
static struct str msg(const struct log_line *l) { (void)l; return STR(""); }

static struct str failure(const struct log_line *l)
{
	return l->r->reason != REASON_NONE ? str_of(reason_name(l->r->reason)) : NOTHING;
}

static uint64_t sent(const struct log_line *l) { return l->r->response_bytes; }
static uint64_t status(const struct log_line *l) { return l->r->status > 0 ? (uint64_t)l->r->status : 0; }
static uint64_t origin_bytes(const struct log_line *l) { return l->r->origin_bytes; }
static uint64_t origin_ns(const struct log_line *l) { return l->r->origin_ns; }
static uint64_t received(const struct log_line *l) { return l->r->request_bytes; }
static uint64_t count(const struct log_line *l) { return l->count; }

static uint64_t origin_status(const struct log_line *l)
{
	return l->r->origin_status > 0 ? (uint64_t)l->r->origin_status : 0;
}

static uint64_t overhead(const struct log_line *l)
{
	uint64_t all = log_line_duration(l);

	return all > l->r->origin_ns ? all - l->r->origin_ns : 0;
}

static void start_utc(const struct log_line *l, struct out *o) { stamp_put_utc(o, &l->start, l->start_wall_ns); }
static void start_local(const struct log_line *l, struct out *o) { stamp_put_local(o, &l->start, l->start_wall_ns); }

static void end_local(const struct log_line *l, struct out *o)
{
	stamp_put_local(o, l->end, l->end_wall_ns - l->end_wall_ns % NS_PER_S);
}

/* clang-format on */

#define NAME(n) .prefix = "\"" n "\":"

/* In the order in which Traefik's lines have them: by byte value. */
const struct log_field_row log_fields[] = {
	{ NAME("ClientAddr"), .text = client_addr, .doc = "peer's address and port" },
	{ NAME("ClientHost"), .text = log_line_client,
	  .doc = "peer's address, or X-Forwarded-For of a trusted peer as it came" },
	{ NAME("ClientPort"), .text = client_port, .doc = "peer's port" },
	{ NAME("ClientUsername"), .text = client_username, .doc = "authenticated user, \"-\" when there is none" },
	{ NAME("DownstreamContentSize"), .number = sent, .doc = "bytes of response body sent to the client" },
	{ NAME("DownstreamStatus"), .number = status, .doc = "status sent to the client" },
	{ NAME("Duration"), .number = log_line_duration,
	  .doc = "ns from the first byte of the request to the end of the response" },
	{ NAME("FailureReason"), .text = failure, .doc = "why the exchange was not complete; absent when it was" },
	{ NAME("OriginContentSize"), .number = origin_bytes, .doc = "bytes of response body received from the server" },
	{ NAME("OriginDuration"), .number = origin_ns, .doc = "ns spent with the server" },
	{ NAME("OriginStatus"), .number = origin_status, .doc = "status the server answered, 0 without one" },
	{ NAME("Overhead"), .number = overhead, .doc = "Duration without OriginDuration" },
	{ NAME("RequestAddr"), .text = request_addr, .doc = "Host field as received" },
	{ NAME("RequestContentSize"), .number = received, .doc = "bytes of request body received" },
	{ NAME("RequestCount"), .number = count, .doc = "number of the request since the program started" },
	{ NAME("RequestHost"), .text = request_host, .doc = "Host without port" },
	{ NAME("RequestMethod"), .text = request_method, .doc = "method as received" },
	{ NAME("RequestPath"), .text = log_line_path, .doc = "path and query as received" },
	{ NAME("RequestPort"), .text = request_port, .doc = "port of the Host field, \"-\" when it has none" },
	{ NAME("RequestProtocol"), .text = log_line_protocol, .doc = "protocol version of the request" },
	{ NAME("RequestScheme"), .text = request_scheme, .doc = "http or https" },
	{ NAME("RetryAttempts"), .number = log_line_retries, .doc = "attempts after the first" },
	{ NAME("RouterName"), .text = router_name, .doc = "router; absent when none matched" },
	{ NAME("ServiceAddr"), .text = service_addr, .doc = "server's host and port; absent when none was chosen" },
	{ NAME("ServiceName"), .text = service_name, .doc = "service; absent when no router matched" },
	{ NAME("ServiceURL"), .text = service_url, .doc = "server as configured; absent when none was chosen" },
	{ NAME("StartLocal"), .stamp = start_local, .doc = "start of the request in local time" },
	{ NAME("StartUTC"), .stamp = start_utc, .doc = "start of the request in UTC" },
	{ NAME("TLSCipher"), .text = tls_cipher,
	  .doc = "cipher suite by IANA name; absent without TLS, as all of TLS" },
	{ NAME("TLSClientSubject"), .text = tls_subject,
	  .doc = "subject of the client's certificate; absent without one" },
	{ NAME("TLSServerName"), .text = tls_name, .doc = "host asked for in the handshake; absent when none was" },
	{ NAME("TLSVersion"), .text = tls_version, .doc = "1.2 or 1.3, or older where that is allowed" },
	{ NAME("entryPointName"), .text = entry_name, .doc = "entry point" },
	{ NAME("level"), .text = level, .doc = "always info" },
	{ NAME("msg"), .text = msg, .doc = "always empty" },
	{ NAME("time"), .stamp = end_local, .doc = "end of the request in local time" },
};
const size_t log_nfields = ARRAY_LEN(log_fields);

static void put_row(const struct log_field_row *f, const struct log_line *l, struct out *o, bool *first)
{
	struct str text = f->text ? f->text(l) : NOTHING;

	if (f->text && !text.p)
		return;
	if (!*first)
		out_lit(o, ",");
	*first = false;
	out_str(o, str_of(f->prefix));
	if (f->number) {
		out_u64(o, f->number(l));
		return;
	}
	out_lit(o, "\"");
	if (f->stamp)
		f->stamp(l, o);
	else
		escape_json(o, text, f->text == log_line_path ? PATH_MAX_OUT : FIELD_MAX);
	out_lit(o, "\"");
}

void log_line_json(const struct log_line *l, struct out *o)
{
	bool first = true;

	out_lit(o, "{");
	for (size_t i = 0; i < log_nfields; i++)
		put_row(&log_fields[i], l, o, &first);
	out_lit(o, "}\n");
}
