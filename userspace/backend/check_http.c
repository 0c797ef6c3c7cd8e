/* HTTP health check: one request on a connection of its own, judged by the status alone; the body is never read. */
#include "backend/check_kind.h"
#include "base/buf.h"
#include "http/h1_parse.h"

static bool has_header(const struct check_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->nheaders; i++)
		if (str_ieq(str_of(spec->header_names[i]), str_of(name)))
			return true;
	return false;
}

static char *http_request(const struct check_spec *spec, const struct target *t, size_t *ret_len)
{
	const char *path = spec->path && *spec->path ? spec->path : "/";
	struct buf b;

	buf_init(&b, 0);
	/* A path may be configured without its slash, as a relative reference. */
	buf_printf(&b, "%s %s%s HTTP/1.1\r\n", spec->method && *spec->method ? spec->method : "GET",
		   *path == '/' ? "" : "/", path);
	if (!has_header(spec, "Host"))
		buf_printf(&b, "Host: %s\r\n", spec->hostname && *spec->hostname ? spec->hostname : t->authority);
	if (!has_header(spec, "User-Agent"))
		buf_puts(&b, "User-Agent: sluice/" SLUICE_VERSION "\r\n");
	for (size_t i = 0; i < spec->nheaders; i++)
		buf_printf(&b, "%s: %s\r\n", spec->header_names[i], spec->header_values[i]);
	if (!has_header(spec, "Connection"))
		buf_puts(&b, "Connection: close\r\n");
	buf_puts(&b, "\r\n");
	*ret_len = b.n;
	return buf_take(&b);
}

static bool status_passes(const struct check_spec *spec, int status)
{
	return spec->status ? status == spec->status : status >= 200 && status < 400;
}

static enum target_reason http_judge(const struct check_spec *spec, const char *p, size_t n, bool end)
{
	struct field fields[HEAD_MAX_FIELDS];
	struct head head;
	enum h1_error e;

	/* Interim answers come before the real one (RFC 9110 §15.2). */
	while ((e = h1_parse_response(p, n, fields, &head)) == H1_OK && head.status < 200 && head.status != 101) {
		p += head.size;
		n -= head.size;
	}
	if (e == H1_OK)
		return status_passes(spec, head.status) ? TARGET_CHECK_OK : TARGET_BAD_STATUS;
	if (e != H1_MORE)
		return TARGET_BAD_ANSWER;
	return end ? TARGET_CLOSED_EARLY : TARGET_INITIAL;
}

const struct check_talk check_http_talk = { .request = http_request, .judge = http_judge };
