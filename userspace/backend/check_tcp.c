/* TCP health check: a connect is enough; `send` is sent, and `expect` must be exactly what the server says first. */
#include "base/mem.h"
#include "backend/check_kind.h"

static char *tcp_request(const struct check_spec *spec, const struct target *t, size_t *ret_len)
{
	(void)t;
	*ret_len = spec->send ? strlen(spec->send) : 0;
	return spec->send ? mem_strdup(spec->send) : NULL;
}

static enum target_reason tcp_judge(const struct check_spec *spec, const char *p, size_t n, bool end)
{
	size_t want = spec->expect ? strlen(spec->expect) : 0;
	size_t have = n < want ? n : want;

	if (want > CHECK_MAX_ANSWER || memcmp(p, spec->expect ? spec->expect : "", have) != 0)
		return TARGET_UNEXPECTED_DATA;
	if (have == want)
		return TARGET_CHECK_OK;
	return end ? TARGET_CLOSED_EARLY : TARGET_INITIAL;
}

const struct check_talk check_tcp_talk = { .request = tcp_request, .judge = tcp_judge };
