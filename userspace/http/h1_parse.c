/* The strict HTTP/1.x head parser. */
#include "http/h1_parse.h"
#include <string.h>

enum { C_TOKEN = 1, C_VALUE = 2, C_TARGET = 4, C_HOST = 8 };

/* tchar (RFC 9110 §5.6.2); field-vchar, obs-text, SP, HTAB; visible ASCII for targets, without '#', which no client may
 * send; what a host may consist of (RFC 3986 §3.2.2), with port and brackets. */
static const uint8_t class[256] = {
	['!'] = C_TOKEN | C_HOST,
	['#'] = C_TOKEN,
	['$' ... '\''] = C_TOKEN | C_HOST,
	['*' ... '+'] = C_TOKEN | C_HOST,
	['-' ... '.'] = C_TOKEN | C_HOST,
	['0' ... '9'] = C_TOKEN | C_HOST,
	['A' ... 'Z'] = C_TOKEN | C_HOST,
	['^'] = C_TOKEN,
	['`'] = C_TOKEN,
	['_'] = C_TOKEN | C_HOST,
	['a' ... 'z'] = C_TOKEN | C_HOST,
	['|'] = C_TOKEN,
	['~'] = C_TOKEN | C_HOST,
	['('] = C_HOST,
	[')'] = C_HOST,
	[','] = C_HOST,
	[';'] = C_HOST,
	['='] = C_HOST,
	[':'] = C_HOST,
	['['] = C_HOST,
	[']'] = C_HOST,
};

static inline bool is_token(unsigned char c)
{
	return class[c] & C_TOKEN;
}

static inline bool is_target(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '#';
}

static inline bool is_value(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

struct cursor {
	const char *p, *end;
};

/* Does any of these 8 bytes lie below 0x20 or equal 0x7f? (Bytes from 0x80 on are allowed and must not trigger.) */
static inline bool has_control(uint64_t v)
{
	const uint64_t ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
	uint64_t below = (v - ones * 0x20) & ~v & high;
	uint64_t del = v ^ (ones * 0x7f);
	return below | ((del - ones) & ~del & high);
}

static const char *skip_value(const char *p, const char *end)
{
	for (;;) {
		uint64_t v;
		while (end - p >= 8 && (memcpy(&v, p, 8), !has_control(v)))
			p += 8;
		const char *stop = end - p >= 8 ? p + 8 : end;
		while (p < stop && is_value((unsigned char)*p))
			p++;
		if (p < stop || p == end)
			return p;
	}
}

/* CR LF at the cursor: H1_OK and past it; H1_MORE at the end of the input. */
static enum h1_error take_crlf(struct cursor *c)
{
	if (c->p == c->end)
		return H1_MORE;
	if (*c->p != '\r')
		return H1_BAD_FIELD;
	if (c->p + 1 == c->end)
		return H1_MORE;
	if (c->p[1] != '\n')
		return H1_BAD_FIELD;
	c->p += 2;
	return H1_OK;
}

/* "HTTP/1.x": H1_OK with the minor version. */
static enum h1_error take_version(struct cursor *c, int *ret_minor)
{
	static const char want[] = "HTTP/";
	size_t have = (size_t)(c->end - c->p);
	size_t n = have < 5 ? have : 5;
	if (memcmp(c->p, want, n) != 0)
		return H1_BAD_START;
	if (have < 8)
		return H1_MORE;
	if (c->p[5] < '0' || c->p[5] > '9' || c->p[6] != '.' || c->p[7] < '0' || c->p[7] > '9')
		return H1_BAD_START;
	if (c->p[5] != '1')
		return H1_BAD_VERSION;
	*ret_minor = c->p[7] == '0' ? 0 : 1;
	c->p += 8;
	return H1_OK;
}

static enum h1_error start_line_end(struct cursor *c)
{
	enum h1_error e = take_crlf(c);
	return e == H1_BAD_FIELD ? H1_BAD_START : e;
}

/* RFC 9112 §2.2: an empty line before the request line is tolerated; we take one. */
static enum h1_error skip_empty_line(struct cursor *c)
{
	return c->p < c->end && *c->p == '\r' ? start_line_end(c) : H1_OK;
}

static enum h1_error parse_request_line(struct cursor *c, struct head *h)
{
	const char *s = c->p;
	while (c->p < c->end && is_token((unsigned char)*c->p))
		c->p++;
	if (c->p == c->end)
		return c->p - s > 64 ? H1_BAD_START : H1_MORE;
	if (*c->p != ' ' || c->p == s || c->p - s > 64)
		return H1_BAD_START;
	h->method = str_mk(s, (size_t)(c->p - s));
	s = ++c->p;
	while (c->p < c->end && is_target((unsigned char)*c->p))
		c->p++;
	if (c->p == c->end)
		return H1_MORE;
	if (*c->p != ' ' || c->p == s)
		return H1_BAD_START;
	h->target = str_mk(s, (size_t)(c->p - s));
	c->p++;
	enum h1_error e = take_version(c, &h->minor);
	return e != H1_OK ? e : start_line_end(c);
}

static enum h1_error parse_status_line(struct cursor *c, struct head *h)
{
	enum h1_error e = take_version(c, &h->minor);
	if (e != H1_OK)
		return e;
	if (c->end - c->p < 5)
		return H1_MORE;
	const char *s = c->p;
	if (s[0] != ' ' || s[1] < '1' || s[1] > '9' || s[2] < '0' || s[2] > '9' || s[3] < '0' || s[3] > '9')
		return H1_BAD_START;
	h->status = (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
	c->p += 4;
	if (*c->p == ' ') {
		s = ++c->p;
		c->p = skip_value(s, c->end);
		h->reason = str_mk(s, (size_t)(c->p - s));
	}
	return start_line_end(c);
}

static enum h1_error parse_field(struct cursor *c, struct field *f)
{
	const char *s = c->p;
	while (c->p < c->end && is_token((unsigned char)*c->p))
		c->p++;
	if (c->p == c->end)
		return H1_MORE;
	if (*c->p != ':' || c->p == s)
		return H1_BAD_FIELD;
	f->name = str_mk(s, (size_t)(c->p - s));
	c->p++;
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
	s = c->p;
	c->p = skip_value(s, c->end);
	const char *e = c->p;
	enum h1_error err = take_crlf(c);
	if (err != H1_OK)
		return err;
	while (e > s && (e[-1] == ' ' || e[-1] == '\t'))
		e--;
	f->value = str_mk(s, (size_t)(e - s));
	return H1_OK;
}

/* One Content-Length, digits only; the same value repeated in a list or in several fields is refused as well: no sender
 * needs it. */
static enum h1_error note_length(struct head *h, struct str v)
{
	if (h->content_length >= 0 || v.n == 0 || v.n > 18)
		return H1_BAD_LENGTH;
	int64_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return H1_BAD_LENGTH;
		n = n * 10 + (v.p[i] - '0');
	}
	h->content_length = n;
	return H1_OK;
}

static enum h1_error note_coding(struct head *h, struct str v)
{
	if (h->chunked)
		return H1_BAD_FRAMING;
	if (!str_ieq(v, STR("chunked")))
		return H1_BAD_CODING;
	h->chunked = true;
	return H1_OK;
}

struct notes {
	bool keep_alive, connection_upgrade, has_upgrade;
	unsigned hosts;
};

static enum h1_error note_field(struct head *h, const struct field *f, struct notes *n)
{
	switch (f->token) {
	case TOKEN_CONTENT_LENGTH:
		return note_length(h, f->value);
	case TOKEN_TRANSFER_ENCODING:
		return note_coding(h, f->value);
	case TOKEN_HOST:
		n->hosts++;
		h->host = f->value;
		return H1_OK;
	case TOKEN_CONNECTION:
		h->connection = f->value;
		h->close |= str_list_has(f->value, STR("close"));
		n->keep_alive |= str_list_has(f->value, STR("keep-alive"));
		n->connection_upgrade |= str_list_has(f->value, STR("upgrade"));
		return H1_OK;
	case TOKEN_UPGRADE:
		n->has_upgrade = true;
		return H1_OK;
	case TOKEN_EXPECT:
		if (str_ieq(f->value, STR("100-continue")))
			h->expect_continue = true;
		else
			h->expect_other = true;
		return H1_OK;
	default:
		return H1_OK;
	}
}

static enum h1_error parse_fields(struct cursor *c, struct head *h, struct notes *notes)
{
	for (;;) {
		if (c->p == c->end)
			return H1_MORE;
		if (*c->p == '\r')
			return take_crlf(c);
		if (h->nfields == HEAD_MAX_FIELDS)
			return H1_TOO_MANY_FIELDS;
		struct field *f = &h->fields[h->nfields];
		enum h1_error e = parse_field(c, f);
		if (e != H1_OK)
			return e;
		f->token = token_find(f->name);
		if (f->token != TOKEN_NONE && (e = note_field(h, f, notes)) != H1_OK)
			return e;
		h->nfields++;
	}
}

static void head_begin(struct head *h, struct field *fields)
{
	memset(h, 0, sizeof(*h));
	h->fields = fields;
	h->content_length = -1;
}

static enum h1_error head_end(struct head *h, const struct cursor *c, const char *start, const struct notes *n)
{
	if (h->chunked && (h->content_length >= 0 || h->minor == 0))
		return H1_BAD_FRAMING;
	if (h->minor == 0 && !n->keep_alive)
		h->close = true;
	h->upgrade = n->connection_upgrade && n->has_upgrade && h->minor == 1;
	h->size = (size_t)(c->p - start);
	return H1_OK;
}

static enum h1_error check_host(const struct head *h, const struct notes *n)
{
	if (n->hosts > 1 || (n->hosts == 0 && h->minor == 1))
		return H1_BAD_HOST;
	for (size_t i = 0; i < h->host.n; i++)
		if (!(class[(unsigned char)h->host.p[i]] & C_HOST))
			return H1_BAD_HOST;
	return H1_OK;
}

enum h1_error h1_parse_request(const char *p, size_t n, struct field *fields, struct head *ret)
{
	struct cursor c = { p, p + n };
	struct notes notes = { 0 };
	head_begin(ret, fields);
	enum h1_error e = skip_empty_line(&c);
	if (e == H1_OK)
		e = parse_request_line(&c, ret);
	if (e == H1_OK)
		e = parse_fields(&c, ret, &notes);
	if (e == H1_OK)
		e = check_host(ret, &notes);
	return e != H1_OK ? e : head_end(ret, &c, p, &notes);
}

enum h1_error h1_parse_response(const char *p, size_t n, struct field *fields, struct head *ret)
{
	struct cursor c = { p, p + n };
	struct notes notes = { 0 };
	head_begin(ret, fields);
	enum h1_error e = parse_status_line(&c, ret);
	if (e == H1_OK)
		e = parse_fields(&c, ret, &notes);
	return e != H1_OK ? e : head_end(ret, &c, p, &notes);
}

enum h1_error h1_parse_trailer(const char *p, size_t n, struct field *fields, unsigned *ret_n)
{
	struct cursor c = { p, p + n };
	*ret_n = 0;
	while (c.p < c.end && *c.p != '\r') {
		if (*ret_n == HEAD_MAX_FIELDS)
			return H1_TOO_MANY_FIELDS;
		struct field *f = &fields[*ret_n];
		enum h1_error e = parse_field(&c, f);
		if (e != H1_OK)
			return e;
		f->token = token_find(f->name);
		++*ret_n;
	}
	return take_crlf(&c);
}

bool h1_is_token_char(char c)
{
	return is_token((unsigned char)c);
}

enum h1_error h1_find_end(const char *p, size_t n, size_t *scanned)
{
	size_t at = *scanned;
	for (;;) {
		const char *lf = memchr(p + at, '\n', n - at);
		if (!lf) {
			*scanned = n;
			return H1_MORE;
		}
		size_t i = (size_t)(lf - p);
		if (i == 0 || p[i - 1] != '\r')
			return H1_BAD_FIELD;
		if (i >= 3 && p[i - 2] == '\n')
			return H1_OK;
		at = i + 1;
	}
}

static const struct {
	int status;
	const char *text;
} errors[] = {
	[H1_OK] = { 200, "ok" },
	[H1_MORE] = { 400, "incomplete head" },
	[H1_BAD_START] = { 400, "malformed start line" },
	[H1_BAD_FIELD] = { 400, "malformed header field" },
	[H1_BAD_LENGTH] = { 400, "bad Content-Length" },
	[H1_BAD_CODING] = { 501, "unsupported Transfer-Encoding" },
	[H1_BAD_FRAMING] = { 400, "contradictory message framing" },
	[H1_BAD_HOST] = { 400, "missing, repeated or malformed Host" },
	[H1_BAD_VERSION] = { 505, "not HTTP/1.x" },
	[H1_TOO_MANY_FIELDS] = { 431, "too many header fields" },
};

int h1_error_status(enum h1_error e)
{
	return errors[e].status;
}

const char *h1_error_text(enum h1_error e)
{
	return errors[e].text;
}
