/* Routing configuration: decoding and the qualified names in it. The checks of references are in check.c. */
#include "conf/decode.h"
#include <errno.h>
#include "base/mem.h"
#include "conf/check.h"

/* ---- qualified references ---- */

static char *qualified(struct arena *a, char *name, const char *owner)
{
	const char *provider = strrchr(owner, '@');

	return !name || !*name || !provider || strchr(name, '@') ? name : arena_printf(a, "%s%s", name, provider);
}

static void qualify_routers(struct arena *a, struct opt_map *routers)
{
	for (size_t i = 0; i < routers->n; i++) {
		struct router_conf *r = opt_map_at(routers, i);

		r->service = qualified(a, r->service, routers->keys[i]);
		if (r->tls && r->tls->options && strcmp(r->tls->options, "default") != 0)
			r->tls->options = qualified(a, r->tls->options, routers->keys[i]);
		for (size_t k = 0; k < r->middlewares.n; k++)
			r->middlewares.v[k] = qualified(a, r->middlewares.v[k], routers->keys[i]);
	}
}

static void qualify_services(struct arena *a, struct opt_map *services)
{
	for (size_t i = 0; i < services->n; i++) {
		struct http_lb_conf *lb = ((struct http_service_conf *)opt_map_at(services, i))->load_balancer;

		if (lb)
			lb->servers_transport = qualified(a, lb->servers_transport, services->keys[i]);
	}
}

/* ---- keys as the user wrote them ---- */

/* "http.routers.api@file.rule" to "http.routers.api.rule": an own @ in a name is refused before, so the first one is
 * merge's. */
static void unqualify_key(char *key)
{
	char *at = key ? strchr(key, '@') : NULL;
	char *end = at ? at + strcspn(at, ".[") : NULL;

	if (at)
		memmove(at, end, strlen(end) + 1);
}

static void hand_over(struct err_list *to, struct err_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		unqualify_key(from->v[i].key);
	err_move(to, from);
}

int decode_dynamic(const struct tree *t, const struct static_conf *st, struct arena *a, struct dynamic_conf *ret,
		   struct err_list *errs)
{
	_cleanup_(err_free) struct err_list own;
	struct opt_ctx c = { .arena = a, .errs = &own };
	struct dynamic_conf conf;
	int r;

	err_init(&own);
	opt_decode(&c, &dynamic_table, t, "", &conf);
	qualify_routers(a, &conf.http.routers);
	qualify_services(a, &conf.http.services);
	qualify_routers(a, &conf.tcp.routers);
	qualify_routers(a, &conf.udp.routers);
	check_dynamic(t, st, &conf, a, &own);
	r = own.errors ? -EINVAL : 0;
	hand_over(errs, &own);
	if (!r)
		*ret = conf;
	return r;
}
