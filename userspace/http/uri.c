/* Paths are scanned once; only a path that has to change is copied, and a changed path never grows, so one allocation
 * of its length suffices. Hosts likewise. */
#include "http/uri.h"

#include <errno.h>

#include "base/addr.h"

/* What a byte is in a path or host: classes of RFC 3986 §2.2 and §2.3. */
enum uri_class {
	URI_UNRESERVED = 1, /* may always stand unescaped, so its escape is decoded */
	URI_RESERVED = 2,  /* stays escaped in the routing path; '%' counts here, or decoding would not be reversible */
	URI_BAD = 4,	   /* may not stand in a request target at all */
	URI_SUB_DELIM = 8, /* allowed in a reg-name */
};

static const uint8_t uri_classes[256] = {
	[0 ... 0x20] = URI_BAD,
	[0x7f] = URI_BAD,
	['0' ... '9'] = URI_UNRESERVED,
	['A' ... 'Z'] = URI_UNRESERVED,
	['a' ... 'z'] = URI_UNRESERVED,
	['-'] = URI_UNRESERVED,
	['.'] = URI_UNRESERVED,
	['_'] = URI_UNRESERVED,
	['~'] = URI_UNRESERVED,
	[':'] = URI_RESERVED,
	['/'] = URI_RESERVED,
	['?'] = URI_RESERVED,
	['#'] = URI_RESERVED,
	['['] = URI_RESERVED,
	[']'] = URI_RESERVED,
	['@'] = URI_RESERVED,
	['%'] = URI_RESERVED,
	['!'] = URI_RESERVED | URI_SUB_DELIM,
	['$'] = URI_RESERVED | URI_SUB_DELIM,
	['&'] = URI_RESERVED | URI_SUB_DELIM,
	['\''] = URI_RESERVED | URI_SUB_DELIM,
	['('] = URI_RESERVED | URI_SUB_DELIM,
	[')'] = URI_RESERVED | URI_SUB_DELIM,
	['*'] = URI_RESERVED | URI_SUB_DELIM,
	['+'] = URI_RESERVED | URI_SUB_DELIM,
	[','] = URI_RESERVED | URI_SUB_DELIM,
	[';'] = URI_RESERVED | URI_SUB_DELIM,
	['='] = URI_RESERVED | URI_SUB_DELIM,
};

static bool uri_is(char c, unsigned classes)
{
	return uri_classes[(unsigned char)c] & classes;
}

static int uri_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of the escape that starts at s.p[i], or -1 when it is broken. */
static int uri_escape(struct str s, size_t i)
{
	if (s.n - i < 3 || uri_hex(s.p[i + 1]) < 0 || uri_hex(s.p[i + 2]) < 0)
		return -1;
	return uri_hex(s.p[i + 1]) << 4 | uri_hex(s.p[i + 2]);
}

static size_t uri_put_escape(char *out, int byte)
{
	static const char hex[] = "0123456789ABCDEF";

	out[0] = '%';
	out[1] = hex[byte >> 4];
	out[2] = hex[byte & 15];
	return 3;
}

/* Copies `s` with every escape upper-cased, or decoded where `decode(byte)`. Escapes were checked before. Never longer
 * than `s`. */
static size_t uri_rewrite(char *out, struct str s, bool (*decode)(int byte))
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			out[n++] = s.p[i];
			continue;
		}
		int byte = uri_escape(s, i);

		if (decode(byte))
			out[n++] = (char)byte;
		else
			n += uri_put_escape(out + n, byte);
		i += 2;
	}
	return n;
}

static bool uri_decodes_unreserved(int byte)
{
	return uri_is((char)byte, URI_UNRESERVED);
}

static bool uri_decodes_unless_reserved(int byte)
{
	return !uri_is((char)byte, URI_RESERVED);
}

static bool uri_is_dots(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
}

enum uri_work { URI_KEEP = 0, URI_ESCAPES = 1, URI_SEGMENTS = 2 };

/* What has to be done to a path: a set of enum uri_work, or -EINVAL. */
static int uri_survey(struct str s)
{
	int work = s.p[0] == '/' ? URI_KEEP : URI_SEGMENTS;
	size_t segment = 0; /* where the current segment begins */

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '/') {
			if (i > 0 && (i == segment || uri_is_dots(s.p + segment, i - segment)))
				work |= URI_SEGMENTS;
			segment = i + 1;
		} else if (c == '%') {
			int byte = uri_escape(s, i);

			if (byte < 0)
				return -EINVAL;
			if (uri_is((char)byte, URI_UNRESERVED))
				work |= URI_ESCAPES | (byte == '.' ? URI_SEGMENTS : 0);
			else if (s.p[i + 1] > 'F' || s.p[i + 2] > 'F')
				work |= URI_ESCAPES;
			i += 2;
		} else if (uri_is(c, URI_BAD)) {
			return -EINVAL;
		}
	}
	return uri_is_dots(s.p + segment, s.n - segment) ? work | URI_SEGMENTS : work;
}

/* Removes dot segments and empty segments (RFC 3986 §5.2.4 and more); a trailing slash of the text is kept. Works in
 * place if `in` is out + 1: each segment is written with one slash before it, so writing never overtakes reading. */
static size_t uri_sanitise(char *out, const char *in, size_t n)
{
	size_t len = 0; /* without a trailing slash; each kept segment is written as "/segment" */

	for (size_t i = 0, end; i < n; i = end + 1) {
		for (end = i; end < n && in[end] != '/'; end++)
			;
		if (end == i || (end - i == 1 && in[i] == '.'))
			continue;
		if (end - i == 2 && in[i] == '.' && in[i + 1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
			continue;
		}
		out[len++] = '/';
		memmove(out + len, in + i, end - i);
		len += end - i;
	}
	if (len == 0 || (n > 0 && in[n - 1] == '/'))
		out[len++] = '/';
	return len;
}

int uri_normalise(struct arena *a, struct str path, bool sanitize, struct str *ret_path)
{
	if (path.n == 0)
		path = STR("/");
	int work = uri_survey(path);

	if (work < 0)
		return work;
	if (!sanitize)
		work &= ~URI_SEGMENTS;
	if (work == URI_KEEP || str_eq(path, STR("*"))) {
		*ret_path = path;
		return 0;
	}
	char *out = arena_alloc(a, path.n + 1);

	if (!out)
		return -ENOMEM;
	size_t n = uri_rewrite(out + 1, path, uri_decodes_unreserved);

	*ret_path = work & URI_SEGMENTS ? str_mk(out, uri_sanitise(out, out + 1, n)) : str_mk(out + 1, n);
	return 0;
}

int uri_routing_path(struct arena *a, struct str path, struct str *ret_path)
{
	const char *first = path.n ? memchr(path.p, '%', path.n) : NULL;
	bool change = false;

	for (size_t i = first ? (size_t)(first - path.p) : path.n; i < path.n; i++) {
		if (path.p[i] != '%')
			continue;
		int byte = uri_escape(path, i);

		if (byte < 0)
			return -EINVAL;
		change = change || uri_decodes_unless_reserved(byte) || path.p[i + 1] > 'F' || path.p[i + 2] > 'F';
		i += 2;
	}
	if (!change) {
		*ret_path = path;
		return 0;
	}
	char *out = arena_alloc(a, path.n);

	if (!out)
		return -ENOMEM;
	*ret_path = str_mk(out, uri_rewrite(out, path, uri_decodes_unless_reserved));
	return 0;
}

unsigned uri_escapes(struct str path)
{
	static const uint8_t sets[256] = {
		['/'] = URI_ESC_SLASH,	 ['\\'] = URI_ESC_BACKSLASH, [0] = URI_ESC_NUL,	   [';'] = URI_ESC_SEMICOLON,
		['%'] = URI_ESC_PERCENT, ['?'] = URI_ESC_QUESTION,   ['#'] = URI_ESC_HASH,
	};
	unsigned found = 0;

	for (size_t i = 0; i + 2 < path.n; i++) {
		int byte = path.p[i] == '%' ? uri_escape(path, i) : -1;

		if (byte >= 0) {
			found |= sets[byte];
			i += 2;
		}
	}
	return found;
}

static int uri_port(struct str digits, uint16_t *ret_port)
{
	unsigned v = 0;

	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(digits.p[i] - '0');
		if (v > UINT16_MAX)
			return -EINVAL;
	}
	*ret_port = (uint16_t)v;
	return 0;
}

/* Splits "name", "name:port", "[v6]" or "[v6]:port"; port 0 and ret_colon false when there is none. */
static int uri_split(struct str s, struct uri *ret, bool *ret_colon)
{
	struct str rest;

	ret->bracketed = s.n > 0 && s.p[0] == '[';
	if (ret->bracketed) {
		const char *close = memchr(s.p, ']', s.n);
		struct addr addr;

		if (!close)
			return -EINVAL;
		ret->host = str_mk(s.p + 1, (size_t)(close - s.p) - 1);
		rest = str_mk(close + 1, s.n - ret->host.n - 2);
		if (!ret->host.n || !memchr(ret->host.p, ':', ret->host.n) || addr_parse(ret->host, &addr) < 0)
			return -EINVAL;
	} else {
		const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;

		ret->host = str_mk(s.p, colon ? (size_t)(colon - s.p) : s.n);
		rest = str_skip(s, ret->host.n);
	}
	ret->port = 0;
	*ret_colon = rest.n > 0;
	if (rest.n == 0)
		return 0;
	return rest.p[0] == ':' ? uri_port(str_skip(rest, 1), &ret->port) : -EINVAL;
}

/* RFC 3986 §3.2.2 reg-name without escapes: no name server and no back end knows escaped names, and letting them pass
 * would hide a name from the rules. Empty labels are refused for the same reason. */
static int uri_check_name(struct str name, bool *ret_upper)
{
	bool upper = false;

	for (size_t i = 0; i < name.n; i++) {
		if (!uri_is(name.p[i], URI_UNRESERVED | URI_SUB_DELIM) ||
		    (name.p[i] == '.' && i > 0 && name.p[i - 1] == '.'))
			return -EINVAL;
		upper = upper || (name.p[i] >= 'A' && name.p[i] <= 'Z');
	}
	*ret_upper = upper;
	return 0;
}

int uri_canonical_host(struct str host, char *buf, size_t cap, struct str *ret_host)
{
	struct uri u;
	bool colon, upper = true; /* a bracketed address has been checked as such */
	int r = uri_split(host, &u, &colon);

	if (r < 0)
		return r;
	if (!u.bracketed && uri_check_name(u.host, &upper) < 0)
		return -EINVAL;
	if (u.host.n > 0 && u.host.p[u.host.n - 1] == '.' && --u.host.n == 0)
		return -EINVAL;
	if (u.host.n > URI_HOST_MAX || (upper && u.host.n > cap))
		return -ENOBUFS;
	if (upper) {
		for (size_t i = 0; i < u.host.n; i++)
			buf[i] = str_lower_char(u.host.p[i]);
		u.host.p = buf;
	}
	*ret_host = u.host;
	return 0;
}

uint16_t uri_host_port(struct str host)
{
	struct uri u;
	bool colon;

	return uri_split(host, &u, &colon) < 0 ? 0 : u.port;
}

/* Length of the scheme before "://", or 0 when there is none. */
static size_t uri_scheme(struct str s)
{
	size_t n = 0;

	while (n < s.n && (uri_is(s.p[n], URI_UNRESERVED) || s.p[n] == '+') && s.p[n] != '_' && s.p[n] != '~')
		n++;
	bool alpha = n > 0 && str_lower_char(s.p[0]) >= 'a' && str_lower_char(s.p[0]) <= 'z';

	return alpha && str_starts(str_skip(s, n), STR("://")) ? n : 0;
}

int uri_parse(struct str text, struct uri *ret)
{
	struct uri u = { 0 };
	bool colon, upper;
	size_t n = uri_scheme(text), end;

	if (n == 0)
		return -EINVAL;
	u.scheme = str_mk(text.p, n);
	text = str_skip(text, n + 3);
	for (end = 0; end < text.n && text.p[end] != '/' && text.p[end] != '?'; end++)
		;
	if (uri_split(str_mk(text.p, end), &u, &colon) < 0 || u.host.n == 0 || u.host.n > URI_HOST_MAX)
		return -EINVAL;
	if ((colon && u.port == 0) || (!u.bracketed && uri_check_name(u.host, &upper) < 0))
		return -EINVAL;
	u.path = str_skip(text, end);
	for (size_t i = 0; i < u.path.n; i++)
		if (uri_is(u.path.p[i], URI_BAD) || u.path.p[i] == '#')
			return -EINVAL;
	*ret = u;
	return 0;
}
