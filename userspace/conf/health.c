/* From options to check_spec. */
#include "conf/health.h"
#include <string.h>

static uint64_t positive(int64_t ns, uint64_t otherwise)
{
	return ns > 0 ? (uint64_t)ns : otherwise;
}

/* Both kinds of check name these options alike. */
#define TIMES(h)                                                                                        \
	.interval_ns = (uint64_t)(h)->interval_ns,                                                      \
	.unhealthy_interval_ns = positive((h)->unhealthy_interval_ns, (uint64_t)(h)->interval_ns),      \
	.timeout_ns = (uint64_t)(h)->timeout_ns, .healthy_threshold = (unsigned)(h)->healthy_threshold, \
	.unhealthy_threshold = (unsigned)(h)->unhealthy_threshold, .port = (uint16_t)(h)->port

static bool http_spec(const struct http_health_conf *h, struct check_spec *ret)
{
	if (!h)
		return false;
	*ret = (struct check_spec){
		.kind = CHECK_HTTP,
		TIMES(h),
		.method = h->method,
		.path = h->path,
		.hostname = h->hostname,
		.status = (int)h->status,
		.header_names = (const char *const *)h->headers.keys,
		.header_values = (const char *const *)h->headers.values,
		.nheaders = h->headers.n,
	};
	return true;
}

static bool tcp_spec(const struct tcp_health_conf *h, struct check_spec *ret)
{
	if (!h)
		return false;
	*ret = (struct check_spec){ .kind = CHECK_TCP, TIMES(h), .send = h->send, .expect = h->expect };
	return true;
}

bool health_spec(const struct dynamic_conf *conf, const char *name, struct check_spec *ret, struct arena *a)
{
	const char *slash = strrchr(name, '/');
	if (!slash) {
		const struct http_service_conf *s = opt_map_get(&conf->http.services, name);
		return s && s->load_balancer && http_spec(s->load_balancer->health_check, ret);
	}
	char *plain = arena_strndup(a, name, (size_t)(slash - name));
	const struct l4_conf *l4 = strcmp(slash, "/tcp") == 0 ? &conf->tcp : &conf->udp;
	const struct l4_service_conf *s = opt_map_get(&l4->services, plain);
	return s && s->load_balancer && tcp_spec(s->load_balancer->health_check, ret);
}
