/* Linking certificates and TLS options. */
#include "conf/link_tls.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

/* ---- certificates ---- */

/* Those that are in force, in a form that keypair_load() searches: it is only asked for a hash. */
static struct keypair *const *known_of(const struct store *before)
{
	return before ? before->all : NULL;
}

static void load_default(const struct tls_conf *conf, const struct store *before, struct keypair *self_made,
			 struct store *ret, struct err_list *errs)
{
	const struct tls_store_conf *sc = opt_map_get(&conf->stores, "default");
	struct keypair *k = NULL;
	if (sc && sc->default_certificate)
		(void)keypair_load(sc->default_certificate, "tls.stores.default.defaultCertificate", known_of(before),
				   errs, &k);
	else if (self_made)
		k = keypair_ref(self_made);
	if (k)
		store_set_default(ret, k);
}

static void warn_stores(const struct tls_conf *conf, struct err_list *errs)
{
	for (size_t i = 0; i < conf->stores.n; i++)
		if (strcmp(conf->stores.keys[i], "default") != 0)
			err_warn(errs, ((const struct tls_store_conf *)opt_map_at(&conf->stores, i))->at, "tls.stores",
				 "store \"%s\" is ignored: only the one named default is used", conf->stores.keys[i]);
}

int link_tls_store(const struct tls_conf *conf, const struct store *before, struct keypair *self_made,
		   struct store *ret, struct err_list *errs)
{
	size_t errors = errs->errors;
	store_init(ret);
	warn_stores(conf, errs);
	load_default(conf, before, self_made, ret, errs);
	for (size_t i = 0; i < conf->certificates.n; i++) {
		_cleanup_free_ char *key = mem_printf("tls.certificates[%zu]", i);
		struct keypair *k;
		if (keypair_load(opt_list_at(&conf->certificates, i), key, known_of(before), errs, &k) == 0)
			store_add(ret, k);
	}
	return errs->errors == errors ? 0 : -EINVAL;
}

/* ---- options ---- */

static struct tls_ctx *find_ctx(struct tls_ctx *const *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

static void add_ctx(struct tls_ctx **ret, size_t *ret_n, const char *name, const struct tls_options_conf *conf,
		    struct ticket_ring *tickets, struct tls_ctx *before, struct err_list *errs)
{
	_cleanup_free_ char *key = mem_printf("tls.options.%.*s", (int)strcspn(name, "@"), name);
	if (tls_ctx_new(name, conf, tickets, before, key, errs, &ret[*ret_n]) == 0)
		++*ret_n;
}

int link_tls_options(const struct tls_conf *conf, struct ticket_ring *tickets, struct tls_ctx *const *before,
		     size_t nbefore, struct tls_ctx **ret, size_t *ret_n, struct err_list *errs)
{
	size_t errors = errs->errors;
	struct arena a;
	struct tls_options_conf common;
	const struct tls_options_conf *written = opt_map_get(&conf->options, "default");
	arena_init(&a);
	*ret_n = 0;
	if (!written)
		conf_tls_default_options(&a, &common);
	add_ctx(ret, ret_n, "default", written ? written : &common, tickets, find_ctx(before, nbefore, "default"),
		errs);
	for (size_t i = 0; i < conf->options.n; i++)
		if (opt_map_at(&conf->options, i) != written)
			add_ctx(ret, ret_n, conf->options.keys[i], opt_map_at(&conf->options, i), tickets,
				find_ctx(before, nbefore, conf->options.keys[i]), errs);
	arena_reset(&a);
	return errs->errors == errors ? 0 : -EINVAL;
}

/* ---- the snapshot ---- */

static void drop_store(void *p)
{
	store_free(p);
}

static void drop_contexts(void *p)
{
	struct snapshot *snap = p;
	for (size_t i = 0; i < snap->ntls; i++)
		tls_ctx_unref(&snap->tls[i]);
}

int link_tls(const struct apply *a, struct revision *rev, struct snapshot *snap, struct err_list *errs)
{
	const struct snapshot *old = a->current ? a->current->snapshot : NULL;
	const struct tls_conf *conf = &rev->conf.tls;
	struct store *store = arena_zalloc(&snap->arena, sizeof(*store));
	int rc = link_tls_store(conf, old ? old->certificates : NULL, a->self_made, store, errs);
	arena_defer(&snap->arena, drop_store, store);
	snap->certificates = store;
	snap->tls = arena_zalloc(&snap->arena, (conf->options.n + 1) * sizeof(*snap->tls));
	arena_defer(&snap->arena, drop_contexts, snap);
	int options_rc = link_tls_options(conf, a->tickets, old ? old->tls : NULL, old ? old->ntls : 0, snap->tls,
					  &snap->ntls, errs);
	return rc < 0 ? rc : options_rc;
}

void link_tls_retire(const struct snapshot *old, const struct snapshot *new)
{
	for (size_t i = 0; old && i < old->ntls; i++)
		if (find_ctx(new->tls, new->ntls, old->tls[i]->name) != old->tls[i])
			atomic_store(&old->tls[i]->retired, true);
}

/* ---- entry points ---- */

const struct router_tls_conf *link_tls_of(const struct router_conf *rc, const struct entry *e)
{
	return rc && rc->tls ? rc->tls : e->conf->http.tls;
}

static void drop_hosts(void *p)
{
	map_free(&((struct tls_hosts *)p)->by_host);
}

static struct tls_hosts *hosts_new(struct snapshot *snap)
{
	struct tls_hosts *t = arena_zalloc(&snap->arena, sizeof(*t));
	t->common = snap->tls[0];
	map_init(&t->by_host);
	arena_defer(&snap->arena, drop_hosts, t);
	return t;
}

struct tls_hosts *link_tls_entry(struct snapshot *snap, const struct entry *e)
{
	return e->conf->http.tls && !e->udp ? hosts_new(snap) : NULL;
}

/* One router's hosts on their way in. */
struct adding {
	struct tls_hosts *to;
	struct tls_ctx *ctx;
	const char *router, *entry;
	struct place at;
	struct err_list *errs;
};

static void add_host(void *ctx, struct str host)
{
	const struct adding *a = ctx;
	struct tls_ctx *have = map_get(&a->to->by_host, host);
	if (have && have != a->ctx && have != a->to->common)
		err_warn(a->errs, a->at, "tls.options",
			 "routers of host %s%.*s at entry point \"%s\", %s among them, have different TLS options: all "
			 "get "
			 "\"default\"",
			 host.p[0] == '.' ? "*" : "", STR_ARG(host), a->entry, a->router);
	map_set(&a->to->by_host, host, !have || have == a->ctx ? a->ctx : a->to->common);
}

void link_tls_hosts(struct snapshot *snap, struct tls_hosts **t, struct route *rt, const struct router_tls_conf *conf,
		    const struct entry *e, struct err_list *errs)
{
	const char *name = conf->options ? conf->options : "default";
	struct tls_ctx *ctx = find_ctx(snap->tls, snap->ntls, name);
	if (!*t)
		*t = hosts_new(snap);
	if (!ctx) {
		err_add(errs, conf->at, "tls.options", "there is no tls.options entry \"%s\"; expected name@provider",
			name);
		return;
	}
	struct adding a = { *t, ctx, rt->name, e->name, conf->at, errs };
	rt->by_host = rule_index_hosts(rt->rule, add_host, &a);
	if (!rt->by_host && ctx != (*t)->common)
		err_warn(errs, conf->at, "tls.options",
			 "the rule of %s names no host to choose TLS options by: it gets \"default\"", rt->name);
}
