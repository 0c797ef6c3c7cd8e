/* Paths, hosts and server URLs: the normal form is normal, and nothing in it can be read as a way up. */
#include <stdint.h>
#include <stdlib.h>
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool yes)
{
	if (!yes)
		abort();
}

static bool has_odd_segment(struct str path)
{
	struct str rest = str_skip(path, 1), segment;
	while (rest.p) {
		rest = str_cut(rest, '/', &segment);
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")) || (segment.n == 0 && rest.p))
			return true;
	}
	return false;
}

static void check_path(struct str in, bool sanitize)
{
	struct arena a;
	struct str once, twice, route;
	arena_init(&a);
	if (uri_normalise(&a, in, sanitize, &once) == 0) {
		must(once.n > 0 && once.n <= in.n + 1);
		must(uri_normalise(&a, once, sanitize, &twice) == 0 && str_eq(once, twice));
		must(uri_routing_path(&a, once, &route) == 0 && route.n <= once.n);
		if (sanitize && !str_eq(in, STR("*")))
			must(once.p[0] == '/' && !has_odd_segment(once));
	}
	arena_reset(&a);
}

static void check_host(struct str in)
{
	char buf[URI_HOST_MAX], again[URI_HOST_MAX];
	struct str host, twice;
	if (uri_canonical_host(in, buf, sizeof(buf), &host) < 0)
		return;
	must(host.n <= URI_HOST_MAX && host.n <= in.n);
	for (size_t i = 0; i < host.n; i++)
		must(host.p[i] == str_lower_char(host.p[i]) && host.p[i] != '/' && host.p[i] != '@' &&
		     (unsigned char)host.p[i] > ' ');
	if (memchr(host.p ? host.p : "", ':', host.n)) /* an IPv6 address, whose brackets are gone */
		return;
	must(uri_canonical_host(host, again, sizeof(again), &twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_mk((const char *)data, size);
	struct uri u;
	check_path(in, true);
	check_path(in, false);
	check_host(in);
	(void)uri_host_port(in);
	if (uri_parse(in, &u) == 0)
		must(u.scheme.n > 0 && u.host.n > 0);
	return 0;
}
