/* From options to check_spec. */
#include "conf/health.h"
#include <stdio.h>
#include <string.h>
#include "base/log.h"

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
		.scheme = h->scheme != NULL,
		.secure = h->scheme && str_ieq(str_of(h->scheme), STR("https")),
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

static struct l4_binding *binding_of(const struct apply *a, const struct service *s)
{
	for (size_t i = 0; a->current && i < a->current->nl4; i++)
		if (a->current->l4[i].service == s)
			return &a->current->l4[i];
	return NULL;
}

static void set_via(struct target *t, const struct l4_binding *b)
{
	static const char *const names[] = { "snat", "dnat", "dsr", "ipip", "gue" };
	char vip[ENDPOINT_TEXT_MAX], server[ADDR_TEXT_MAX], text[TARGET_REASON_MAX];

	endpoint_print(&b->vip, vip);
	addr_print(&t->at.addr, server);
	snprintf(text, sizeof(text), "%s through %s to %s", vip, names[b->lb->forwarding], server);
	target_set_via(t, text);
}

/* Once, until it works again or the configuration changes. */
static void tell(struct l4_binding *b, const char *problem)
{
	if (*problem && !b->told)
		log_warn("health checks go to the servers' own addresses, not the way that packets take",
			 F_STR("service", b->service->name), F_STR("reason", problem));
	b->told = *problem;
}

static bool ask_path(struct apply *a, struct l4_binding *b, const struct target *t, struct check_way *ret)
{
	const struct kern_service s = apply_kern_service(a, b);
	struct kern_probe_path path;
	int r = a->kern->ops->probe_path(a->kern, &s, &t->at, &path);

	tell(b, r < 0 ? path.problem : "");
	if (r == 0)
		*ret = (struct check_way){ .to = b->vip, .from = path.from, .mark = path.mark, .hops = path.hops };
	return r == 0;
}

bool health_way(struct apply *a, const struct service *s, struct target *t, struct check_way *ret)
{
	struct l4_binding *b = binding_of(a, s);

	if (!b || !ask_path(a, b, t, ret)) {
		target_set_via(t, NULL);
		return false;
	}
	set_via(t, b);
	return true;
}
