/* Qualifies names and puts deliveries together. */
#include "conf/merge.h"
#include <errno.h>
#include "provider/overlay.h"

/* ---- qualified names ---- */

static struct tree *qualify_names(struct arena *a, const struct tree *t, const char *provider, const char *key,
				  struct err_list *errs)
{
	struct tree *out = tree_new(a, TREE_MAP, t->at);

	for (size_t i = 0; i < t->n; i++) {
		const struct tree_pair *p = &t->pairs[i];
		const char *name = arena_printf(a, "%s@%s", p->key.p, provider);

		if (memchr(p->key.p, '@', p->key.n)) {
			err_add(errs, p->key_at, arena_printf(a, "%s.%s", key, p->key.p),
				"a name must not contain @, which stands between name and provider in references");
			continue;
		}
		if (!p->key.n) {
			err_add(errs, p->key_at, key, "a name must not be empty");
			continue;
		}
		tree_add(a, out, str_of(name), p->key_at, p->value);
	}
	return out;
}

/* tls.stores and tls.options.default belong to nobody. */
static struct tree *qualify_options(struct arena *a, const struct tree *t, const char *provider, const char *key,
				    struct err_list *errs)
{
	struct tree *out = qualify_names(a, t, provider, key, errs);
	const char *common = arena_printf(a, "default@%s", provider);

	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->pairs[i].key, str_of(common)))
			out->pairs[i].key = STR("default");
	return out;
}

/* Levels 0 and 1 are http and routers; the keys of what is below are names. */
static struct tree *qualify(struct arena *a, const struct tree *t, const char *provider, int level, const char *key,
			    struct err_list *errs)
{
	struct tree *out = tree_new(a, TREE_MAP, t->at);

	if (strcmp(key, "tls.stores") == 0)
		return (struct tree *)(uintptr_t)t;
	if (strcmp(key, "tls.options") == 0)
		return qualify_options(a, t, provider, key, errs);
	if (level == 2)
		return qualify_names(a, t, provider, key, errs);
	for (size_t i = 0; i < t->n; i++) {
		const struct tree_pair *p = &t->pairs[i];
		const char *path = *key ? arena_printf(a, "%s.%s", key, p->key.p) : p->key.p;
		struct tree *v =
			p->value->kind == TREE_MAP ? qualify(a, p->value, provider, level + 1, path, errs) : p->value;

		tree_add(a, out, p->key, p->key_at, v);
	}
	return out;
}

int merge_add(struct arena *a, struct tree *root, const char *provider, const struct tree *delivered,
	      struct err_list *errs)
{
	size_t before = errs->errors;

	overlay_add(a, root, qualify(a, delivered, provider, 0, "", errs), errs);
	return errs->errors == before ? 0 : -EINVAL;
}

/* ---- and back ---- */

static void cut_suffix(char *name, const char *provider)
{
	char *at = name ? strrchr(name, '@') : NULL;

	if (at && strcmp(at + 1, provider) == 0)
		*at = 0;
}

static void unqualify_keys(struct opt_map *m, const char *provider)
{
	for (size_t i = 0; i < m->n; i++)
		cut_suffix(m->keys[i], provider);
}

static void unqualify_routers(struct opt_map *m, const char *provider)
{
	unqualify_keys(m, provider);
	for (size_t i = 0; i < m->n; i++) {
		struct router_conf *r = opt_map_at(m, i);

		cut_suffix(r->service, provider);
		if (r->tls)
			cut_suffix(r->tls->options, provider);
		for (size_t k = 0; k < r->middlewares.n; k++)
			cut_suffix(r->middlewares.v[k], provider);
	}
}

static void unqualify_services(struct opt_map *m, const char *provider)
{
	for (size_t i = 0; i < m->n; i++) {
		struct http_service_conf *s = opt_map_at(m, i);

		if (s->load_balancer)
			cut_suffix(s->load_balancer->servers_transport, provider);
	}
}

void merge_unqualify(struct dynamic_conf *conf, const char *provider)
{
	unqualify_routers(&conf->http.routers, provider);
	unqualify_keys(&conf->http.services, provider);
	unqualify_keys(&conf->http.middlewares, provider);
	unqualify_keys(&conf->http.servers_transports, provider);
	unqualify_services(&conf->http.services, provider);
	unqualify_keys(&conf->tls.options, provider);
	unqualify_routers(&conf->tcp.routers, provider);
	unqualify_keys(&conf->tcp.services, provider);
	unqualify_routers(&conf->udp.routers, provider);
	unqualify_keys(&conf->udp.services, provider);
}
