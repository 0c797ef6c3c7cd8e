/* Looking up a host's TLS options. */
#include "proxy/tls_hosts.h"
#include <string.h>

struct tls_ctx *tls_hosts_find(const struct tls_hosts *t, struct str host)
{
	if (!t->by_host.live || !host.n)
		return t->common;
	struct tls_ctx *found = map_get(&t->by_host, host);
	const char *dot = found ? NULL : memchr(host.p, '.', host.n);
	if (dot)
		found = map_get(&t->by_host, str_skip(host, (size_t)(dot - host.p)));
	return found ? found : t->common;
}
