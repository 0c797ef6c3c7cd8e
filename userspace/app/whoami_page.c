/* Reading the wishes in a request's target, and writing the demo backend's pages. */
#include "app/whoami_page.h"
#include <stdio.h>
#include "base/num.h"

#define PIECE 16384u

/* First value of that name in "a=1&b=2"; p NULL when absent. */
static struct str query_get(struct str query, struct str name)
{
	while (query.p && query.n) {
		struct str pair, key, value;

		query = str_cut(query, '&', &pair);
		value = str_cut(pair, '=', &key);
		if (str_eq(key, name))
			return value.p ? value : STR("");
	}
	return (struct str){ NULL, 0 };
}

static uint64_t query_u64(struct str query, struct str name, uint64_t fallback, uint64_t max)
{
	struct str s = query_get(query, name);
	uint64_t v;

	if (!s.p || num_u64(s, &v) < 0)
		return fallback;
	return v > max ? max : v;
}

static uint64_t query_wait_ms(struct str query)
{
	struct str s = query_get(query, STR("wait"));
	int64_t ns;

	if (!s.p || num_duration_ns(s, &ns) < 0 || ns <= 0)
		return 0;
	ns /= 1000000;
	return (uint64_t)ns > PAGE_MAX_WAIT_MS ? PAGE_MAX_WAIT_MS : (uint64_t)ns;
}

static bool ends_with(struct str s, struct str tail)
{
	return s.n >= tail.n && str_eq(str_skip(s, s.n - tail.n), tail);
}

void page_choose(struct page *p, const struct head *req)
{
	struct str path, query = str_cut(req->target, '?', &path);
	uint64_t status = query_u64(query, STR("status"), 200, 999);

	*p = (struct page){ .kind = PAGE_WHOAMI };
	p->status = status < 200 ? 200 : (int)status;
	p->json = str_eq(query_get(query, STR("format")), STR("json"));
	p->wait_ms = query_wait_ms(query);
	if (query_get(query, STR("size")).p) {
		p->kind = PAGE_SIZE;
		p->left = query_u64(query, STR("size"), 0, PAGE_MAX_SIZE);
	}
	/* By the end of the path, so that they are found behind a prefix that was not stripped, too. */
	if (ends_with(path, STR("/echo")))
		p->kind = PAGE_ECHO;
	if (ends_with(path, STR("/health")))
		p->kind = str_eq(req->method, STR("POST")) || str_eq(req->method, STR("PUT")) ? PAGE_SET_HEALTH
											      : PAGE_HEALTH;
	if (ends_with(path, STR("/chunked"))) {
		p->kind = PAGE_CHUNKED;
		p->left = query_u64(query, STR("n"), 10, PAGE_MAX_CHUNKS);
	}
	p->total = p->left;
}

static void write_text(struct buf *out, const struct page_facts *f)
{
	const struct head *r = f->req;

	buf_printf(out, "Name: %s\nHostname: %s\nLocal: %s\nRemoteAddr: %s\n", f->name, f->hostname, f->local, f->peer);
	buf_printf(out, "%.*s %.*s HTTP/1.%d\n", STR_ARG(r->method), STR_ARG(r->target), r->minor);
	for (unsigned i = 0; i < r->nfields; i++)
		buf_printf(out, "%.*s: %.*s\n", STR_ARG(r->fields[i].name), STR_ARG(r->fields[i].value));
}

static void json_member(struct buf *out, const char *key, struct str value)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_json(out, value);
	buf_puts(out, "\",");
}

/* "headers" is an object of lists, in the order of first appearance; a name is spelled as it came first. */
static void json_headers(struct buf *out, const struct head *r)
{
	const char *comma = "";

	buf_puts(out, "\"headers\":{");
	for (unsigned i = 0; i < r->nfields; i++) {
		bool seen = false;

		for (unsigned k = 0; k < i && !seen; k++)
			seen = str_ieq(r->fields[k].name, r->fields[i].name);
		if (seen)
			continue;
		buf_printf(out, "%s\"", comma);
		buf_json(out, r->fields[i].name);
		buf_puts(out, "\":[\"");
		buf_json(out, r->fields[i].value);
		for (unsigned k = i + 1; k < r->nfields; k++) {
			if (!str_ieq(r->fields[k].name, r->fields[i].name))
				continue;
			buf_puts(out, "\",\"");
			buf_json(out, r->fields[k].value);
		}
		buf_puts(out, "\"]");
		comma = ",";
	}
	buf_puts(out, "}}\n");
}

void page_write(struct buf *out, const struct page_facts *f, bool json)
{
	if (!json) {
		write_text(out, f);
		return;
	}
	buf_char(out, '{');
	json_member(out, "name", str_of(f->name));
	json_member(out, "hostname", str_of(f->hostname));
	json_member(out, "local", str_of(f->local));
	json_member(out, "remoteAddr", str_of(f->peer));
	json_member(out, "method", f->req->method);
	json_member(out, "url", f->req->target);
	json_member(out, "host", f->req->host);
	buf_printf(out, "\"proto\":\"HTTP/1.%d\",", f->req->minor);
	json_headers(out, f->req);
}

void page_bytes(struct page *p, struct buf *out)
{
	char piece[PIECE];
	size_t n = p->left < PIECE ? (size_t)p->left : PIECE;
	uint64_t at = p->total - p->left;

	for (size_t i = 0; i < n; i++)
		piece[i] = (char)('a' + (at + i) % 26);
	buf_add(out, piece, n);
	p->left -= n;
}

void page_chunk(struct page *p, struct buf *out, bool framed)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "chunk %llu\n", (unsigned long long)(p->total - p->left));

	if (framed)
		buf_printf(out, "%x\r\n%s\r\n", (unsigned)n, text);
	else
		buf_puts(out, text);
	p->left--;
}
