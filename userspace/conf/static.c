/* Start-up options: defaults that depend on other options, and checks across sections. */
#include "conf/static.h"
#include <errno.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/yaml.h"
#include "conf/prefix_file.h"
#include "model/address.h"

#define DEFAULT_NAME	"http"
#define DEFAULT_ADDRESS ":80"
#define INTERNAL_NAME	"traefik"
#define INTERNAL_ADDRESS \
	"127.0.0.1:8080" /* Traefik's is :8080; ours is not reachable from outside unless somebody says so */

static const struct opt_table *entry_table(void)
{
	const struct opt *o = static_table.rows;

	while (strcmp(o->name, "entryPoints") != 0)
		o++;
	return o->table;
}

/* An entry point as if it had been written. */
static void add_entry(struct opt_ctx *c, struct static_conf *s, const char *name, const char *address)
{
	struct opt_map *m = &s->entry_points, bigger = *m;
	struct tree *t = tree_new(c->arena, TREE_MAP, (struct place){ 0 });

	bigger.keys = arena_zalloc(c->arena, (m->n + 1) * sizeof(*m->keys));
	bigger.items = arena_zalloc(c->arena, (m->n + 1) * m->size);
	bigger.at = arena_zalloc(c->arena, (m->n + 1) * sizeof(*m->at));
	if (m->n) {
		memcpy(bigger.keys, m->keys, m->n * sizeof(*m->keys));
		memcpy(bigger.items, m->items, m->n * m->size);
		memcpy(bigger.at, m->at, m->n * sizeof(*m->at));
	}
	tree_add(c->arena, t, STR("address"), (struct place){ 0 },
		 tree_scalar(c->arena, (struct place){ 0 }, str_of(address)));
	bigger.keys[m->n] = arena_strdup(c->arena, name);
	opt_decode(c, entry_table(), t, "entryPoints", opt_map_at(&bigger, m->n));
	bigger.n++;
	*m = bigger;
}

static bool names_internal(const char *entry_point)
{
	return entry_point && strcmp(entry_point, INTERNAL_NAME) == 0;
}

static bool needs_internal(const struct static_conf *s)
{
	const struct prometheus_conf *p = s->metrics.prometheus;

	return (s->api && s->api->insecure) ||
	       (s->ping && !s->ping->manual_routing && names_internal(s->ping->entry_point)) ||
	       (p && !p->manual_routing && names_internal(p->entry_point));
}

static void add_implied(struct opt_ctx *c, struct static_conf *s)
{
	if (!s->entry_points.n)
		add_entry(c, s, DEFAULT_NAME, DEFAULT_ADDRESS);
	if (needs_internal(s) && !opt_map_get(&s->entry_points, INTERNAL_NAME))
		add_entry(c, s, INTERNAL_NAME, INTERNAL_ADDRESS);
}

/* ---- checks across sections ---- */

static void check_duplicates(struct opt_ctx *c, const struct opt_map *m)
{
	struct listen_at a, b;

	for (size_t i = 0; i < m->n; i++) {
		const struct entry_conf *e = opt_map_at(m, i);

		if (!e->address || address_parse(e->address, &a))
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct entry_conf *other = opt_map_at(m, k);

			if (!other->address || address_parse(other->address, &b) || a.udp != b.udp ||
			    a.last != b.last || !endpoint_eq(&a.at, &b.at))
				continue;
			/* One that is implied has no place of its own. */
			err_add(c->errs, e->at.file ? e->at : other->at,
				arena_printf(c->arena, "entryPoints.%s.address", m->keys[i]),
				"%s is already the address of entry point \"%s\"; expected one of its own", e->address,
				m->keys[k]);
			break;
		}
	}
}

static struct place place_of(const struct tree *root, const char *const *path)
{
	const struct tree *t = root, *next;
	struct place at = root->at;

	for (; *path && (next = tree_get(t, *path)); path++) {
		t = next;
		at = t->at;
	}
	return at;
}

static void check_reference(struct opt_ctx *c, const struct static_conf *s, const struct tree *root,
			    const char *const *path, const char *name)
{
	const struct opt_map *m = &s->entry_points;
	const struct entry_conf *e = opt_map_get(m, name);
	const char *near = num_nearest(str_of(name), (const char *const *)m->keys, m->n);
	_cleanup_(buf_free) struct buf key = { 0 };
	struct listen_at at;

	buf_init(&key, 0);
	for (size_t i = 0; path[i]; i++)
		buf_printf(&key, "%s%s", i ? "." : "", path[i]);
	buf_char(&key, 0);
	if (!e)
		err_add(c->errs, place_of(root, path), key.p, "there is no entry point \"%s\"%s%s%s", name,
			near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
	else if (e->address && address_parse(e->address, &at) == 0 && at.udp)
		err_add(c->errs, place_of(root, path), key.p, "entry point \"%s\" is UDP (%s); expected a TCP one",
			name, e->address);
}

static void check_references(struct opt_ctx *c, const struct static_conf *s, const struct tree *root)
{
	static const char *const ping[] = { "ping", "entryPoint", NULL };
	static const char *const prometheus[] = { "metrics", "prometheus", "entryPoint", NULL };
	static const char *const api[] = { "api", "insecure", NULL };

	if (s->ping && !s->ping->manual_routing)
		check_reference(c, s, root, ping, s->ping->entry_point);
	if (s->metrics.prometheus && !s->metrics.prometheus->manual_routing)
		check_reference(c, s, root, prometheus, s->metrics.prometheus->entry_point);
	if (s->api && s->api->insecure)
		check_reference(c, s, root, api, INTERNAL_NAME);
}

static void check_redirections(struct opt_ctx *c, const struct static_conf *s, const struct tree *root)
{
	for (size_t i = 0; i < s->entry_points.n; i++) {
		const struct entry_conf *e = opt_map_at(&s->entry_points, i);
		const struct entry_redirection_conf *r = e->http.redirections.entry_point;
		const char *name = s->entry_points.keys[i];
		const char *const path[] = { "entryPoints", name, "http", "redirections", "entryPoint", "to", NULL };

		if (!r || !r->to || r->to[0] == ':')
			continue;
		if (strcmp(r->to, name) == 0)
			err_add(c->errs, r->at,
				arena_printf(c->arena, "entryPoints.%s.http.redirections.entryPoint.to", name),
				"leads to itself; expected another entry point or :port");
		else
			check_reference(c, s, root, path, r->to);
	}
}

/* Broken files are found before anything starts; who uses the lists reads them again. */
static void check_prefix_files(const struct static_conf *s, struct err_list *errs)
{
	struct prefix_lists lists;

	if (prefix_lists_load(&s->kernel.protection, &lists, errs) == 0)
		prefix_lists_free(&lists);
}

int static_decode(const struct tree *root, struct arena *a, struct static_conf *ret, struct err_list *errs)
{
	struct opt_ctx c = { .arena = a, .errs = errs };
	size_t before = errs->errors;
	struct static_conf s;

	opt_decode(&c, &static_table, root, "", &s);
	if (root->kind == TREE_MAP) {
		add_implied(&c, &s);
		check_duplicates(&c, &s.entry_points);
		check_references(&c, &s, root);
		check_redirections(&c, &s, root);
		check_prefix_files(&s, errs);
	}
	if (errs->errors != before)
		return -EINVAL;
	*ret = s;
	return 0;
}

struct tree *static_dynamic_part(struct arena *a, const struct tree *root)
{
	static const char *const sections[] = { "http", "tcp", "udp", "tls" };
	struct tree *part = tree_new(a, TREE_MAP, root->at);

	for (size_t i = 0; root->kind == TREE_MAP && i < root->n; i++)
		for (size_t k = 0; k < ARRAY_LEN(sections); k++)
			if (str_ieq(root->pairs[i].key, str_of(sections[k])))
				tree_add(a, part, root->pairs[i].key, root->pairs[i].key_at, root->pairs[i].value);
	return part->n ? part : NULL;
}

int static_load(const char *path, struct arena *a, struct static_conf *ret, struct tree **ret_dynamic_part,
		struct err_list *errs)
{
	struct tree *root = yaml_load(a, path, errs);
	int r = root ? static_decode(root, a, ret, errs) : -EINVAL;

	if (!r)
		*ret_dynamic_part = static_dynamic_part(a, root);
	return r;
}
