/* PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who a connection in front of another proxy comes
 * from. Reading only; no allocation, any bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/addr.h"

#define PROXYPROTO_MAX 2048u /* longest header taken, extensions (TLVs) included; ours use at most some hundred */

struct proxyproto {
	bool known; /* false: LOCAL, UNKNOWN or no IP address; the connection speaks for itself */
	struct endpoint src, dst;
};

/* > 0: bytes of a whole header, ret filled. 0: p[0..n) does not begin with one. -EAGAIN: more bytes are needed to tell.
 * -EPROTO: it is one, but malformed or too long. */
int proxyproto_parse(const char *p, size_t n, struct proxyproto *ret);
