/* Paths, hosts and URLs: normalising twice changes nothing more, and no dot segment survives. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_mk((const char *)data, n), once, twice, host;
	char buf[URI_HOST_MAX];
	struct arena a;
	struct uri u;

	arena_init(&a);
	if (uri_normalise(&a, in, true, &once) == 0) {
		assert(uri_normalise(&a, once, true, &twice) == 0);
		assert(str_eq(once, twice));
		assert(!memmem(once.p, once.n, "/../", 4) && !memmem(once.p, once.n, "//", 2));
	}
	(void)uri_routing_path(&a, in, &once);
	if (uri_canonical_host(in, buf, sizeof(buf), &host) == 0)
		assert(host.n <= URI_HOST_MAX);
	(void)uri_host_port(in);
	(void)uri_parse(in, &u);
	arena_reset(&a);
	return 0;
}
