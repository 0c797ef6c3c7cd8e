/* How one kind of health check talks: what is sent after the connect and what the answer means. Pure, so that tables
 * can test it. */
#pragma once
#include "backend/check.h"

#define CHECK_MAX_ANSWER 8192u /* bytes of an answer that are looked at; a longer head is a bad answer */

struct check_talk {
	/* What to send once connected, malloc'ed, or NULL for nothing. Built once per target. */
	char *(*request)(const struct check_spec *spec, const struct target *t, size_t *ret_len);
	/* Looks at all bytes so far; end: no more will come. TARGET_CHECK_OK, the reason of a failure, or
	 * TARGET_INITIAL: needs more. */
	enum target_reason (*judge)(const struct check_spec *spec, const char *p, size_t n, bool end);
};

extern const struct check_talk check_http_talk, check_tcp_talk;
