/* Redirections between entry points. */
#include "conf/redirection.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include "base/mem.h"
#include "model/address.h"
#include "model/conf_dynamic.h"

/* Any request. */
#define RULE "PathPrefix(`/`)"

static const struct opt_variant *variant(const char *name)
{
	const struct opt_variant *v = middleware_variants;
	while (v->name && strcmp(v->name, name) != 0)
		v++;
	return v;
}

/* ":8443" and the port of entry point "websecure", as text. */
static const char *port_of(const struct static_conf *st, const char *to, struct arena *a)
{
	const struct entry_conf *e = opt_map_get(&st->entry_points, to);
	struct listen_at at;
	if (to[0] == ':')
		return to + 1;
	return e && address_parse(e->address, &at) == 0 ? arena_printf(a, "%u", at.at.port) : NULL;
}

static void add(struct arena *a, struct tree *t, struct str key, const char *value)
{
	struct place nowhere = { 0 };
	tree_add(a, t, key, nowhere, tree_scalar(a, nowhere, str_of(value)));
}

static const char *name_of(struct arena *a, const char *entry, const char *to)
{
	char *name = arena_printf(a, "%s-to-%s", entry, to);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '-';
	return arena_printf(a, "%s@internal", name);
}

int redirection_route(const struct static_conf *st, const char *entry, const struct entry_redirection_conf *conf,
		      struct arena *a, struct err_list *errs, struct route *rt)
{
	const struct opt_variant *v = variant("redirectScheme");
	const struct mw_type *type = v->tag;
	const char *port = port_of(st, conf->to, a);
	struct tree *t = tree_new(a, TREE_MAP, (struct place){ 0 });
	struct opt_ctx c = { .arena = a, .errs = errs };
	void *mw_conf = arena_zalloc(a, v->table->size);

	add(a, t, STR("scheme"), conf->scheme);
	add(a, t, STR("permanent"), conf->permanent ? "true" : "false");
	if (port)
		add(a, t, STR("port"), port);
	if (opt_decode(&c, v->table, t, arena_printf(a, "entryPoints.%s.http.redirections.entryPoint", entry),
		       mw_conf) < 0)
		return -EINVAL;
	rt->name = name_of(a, entry, conf->to);
	rt->rule = rule_compile(a, RULE_HTTP, RULE, (struct place){ 0 }, rt->name, errs);
	rt->priority = conf->priority;
	rt->mws = arena_zalloc(a, sizeof(*rt->mws));
	rt->nmws = 1;
	rt->mws[0] = (struct mw){ .type = type, .name = arena_printf(a, "redirect-%s", rt->name) };
	return type->create(mw_conf, a, (struct place){ 0 }, rt->name, errs, &rt->mws[0].ctx);
}
