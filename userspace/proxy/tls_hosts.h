/* Which TLS options the hosts of an entry point have, where they are not the default. Part of a snapshot. */
#pragma once
#include "base/map.h"
#include "tls/ctx.h"

struct tls_hosts {
	struct tls_ctx *common; /* of every other host */
	struct map by_host;	/* "a.b", or ".b" for *.b -> struct tls_ctx *; both held by the snapshot */
};

/* `host` in lower case without a dot at its end; empty: none was asked for. */
struct tls_ctx *tls_hosts_find(const struct tls_hosts *t, struct str host);
