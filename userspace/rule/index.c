/* Lookup among many rules. From its tree it is known of most rules which hosts and paths they can match at all
 * (rule/cover): such a rule is only looked at for those. A key's host is a name ("a.b") or a parent with its dot (".b",
 * for "*.b"), so a request meets three tries of paths: that of its host, of its parent, and of the rules without a
 * host. The best of each is found in turn; what can no longer win is not evaluated. */
#include "rule/index.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "rule/cover.h"
#include "rule/trie.h"

#define RULE_HOST_NAME 30 /* bytes of a name that a host holds itself */

/* Name and root of the trie in one cache line. */
struct rule_host {
	struct rule_trie_node root;
	uint16_t n;
	char name[RULE_HOST_NAME]; /* of a longer one: a uint32_t, into the texts of the tries */
} __attribute__((aligned(64)));

struct rule_slot {
	uint32_t hash;
	uint32_t host; /* number + 1; 0: free */
};

struct rule_index {
	const struct rule_entry *entries; /* by priority, then as given: what positions count */
	size_t n;
	void **values; /* of the entries, once more and side by side: a lookup that evaluates nothing needs no more */
	const struct rule_step **programs; /* of the entries: what is left where host and path are known to fit */
	struct rule_slot *slots;	   /* open addressing, linear probing, at most two thirds full */
	uint32_t mask;
	struct rule_host *hosts;
	struct rule_trie_node general; /* rules without a host */
	struct rule_tries tries;
	bool http;
};

/* ---- order ---- */

static int rule_index_order(const void *x, const void *y)
{
	const struct rule_entry *const *a = x, *const *b = y;

	if ((*a)->priority != (*b)->priority)
		return (*a)->priority > (*b)->priority ? -1 : 1;
	return *a < *b ? -1 : *a > *b;
}

static const struct rule_entry *rule_index_sort(struct arena *a, const struct rule_entry *entries, size_t n)
{
	struct rule_entry *sorted = arena_alloc(a, (n + 1) * sizeof(*sorted));
	_cleanup_free_ const struct rule_entry **order = mem_alloc((n + 1) * sizeof(*order));

	for (size_t i = 0; i < n; i++)
		order[i] = &entries[i];
	qsort(order, n, sizeof(*order), rule_index_order);
	for (size_t i = 0; i < n; i++)
		sorted[i] = *order[i];
	return sorted;
}

/* ---- places ---- */

struct rule_places {
	struct rule_place *v;
	size_t n, cap;
};

static int rule_index_str_order(struct str x, struct str y)
{
	size_t n = x.n < y.n ? x.n : y.n;
	int c = n ? memcmp(x.p, y.p, n) : 0;

	return c ? c : (x.n > y.n) - (x.n < y.n);
}

static int rule_index_place_order(const void *x, const void *y)
{
	const struct rule_place *a = x, *b = y;
	int c = rule_index_str_order(a->host, b->host);

	if (!c)
		c = rule_index_str_order(a->path, b->path);
	if (!c)
		c = a->whole - b->whole;
	/* Of the same rule the sure one is first. */
	return c				? c
	       : a->entry >> 1 != b->entry >> 1 ? (a->entry > b->entry) - (a->entry < b->entry)
						: (a->entry < b->entry) - (a->entry > b->entry);
}

static bool rule_index_place_same(const struct rule_place *a, const struct rule_place *b)
{
	return a->entry >> 1 == b->entry >> 1 && a->whole == b->whole && str_eq(a->host, b->host) &&
	       str_eq(a->path, b->path);
}

bool rule_index_hosts(const struct rule *r, void (*add)(void *ctx, struct str host), void *ctx)
{
	struct arena scratch;
	bool all = true;

	arena_init(&scratch);
	struct rule_cover c = rule_cover_of(&scratch, r->root);
	for (size_t i = 0; i < c.n; i++)
		all &= c.v[i].host.p != NULL;
	for (size_t i = 0; all && i < c.n; i++)
		add(ctx, c.v[i].host);
	arena_reset(&scratch);
	return all;
}

static void rule_index_place_add(struct rule_places *p, const struct rule_key *k, size_t position)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 256;
		p->v = mem_realloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = (struct rule_place){ k->host, k->path, k->whole, (uint32_t)position << 1 | k->sure };
}

/* Every place of every rule, in order and without duplicates; the caller frees v. */
static struct rule_places rule_index_places(const struct rule_entry *entries, size_t n)
{
	struct rule_places p = { 0 };
	struct arena scratch;
	size_t kept = 0;

	arena_init(&scratch);
	for (size_t i = 0; i < n; i++) {
		struct rule_cover c = rule_cover_of(&scratch, entries[i].rule->root);

		for (size_t k = 0; k < c.n; k++)
			rule_index_place_add(&p, &c.v[k], i);
		arena_reset(&scratch);
	}
	if (p.n)
		qsort(p.v, p.n, sizeof(*p.v), rule_index_place_order);
	for (size_t i = 0; i < p.n; i++)
		if (!kept || !rule_index_place_same(&p.v[kept - 1], &p.v[i]))
			p.v[kept++] = p.v[i];
	p.n = kept;
	return p;
}

/* ---- hosts ---- */

static inline bool rule_index_is(const struct rule_index *ix, const struct rule_host *h, struct str name)
{
	uint32_t text;

	if (h->n != name.n)
		return false;
	if (name.n <= RULE_HOST_NAME)
		return memcmp(h->name, name.p, name.n) == 0;
	memcpy(&text, h->name, sizeof(text));
	return memcmp(ix->tries.texts.p + text, name.p, name.n) == 0;
}

/* The slot of a name, or the free one where it would be. */
static struct rule_slot *rule_index_slot(const struct rule_index *ix, struct str name, uint32_t hash)
{
	uint32_t i = hash & ix->mask;

	while (ix->slots[i].host &&
	       (ix->slots[i].hash != hash || !rule_index_is(ix, &ix->hosts[ix->slots[i].host - 1], name)))
		i = (i + 1) & ix->mask;
	return &ix->slots[i];
}

/* How many of the sorted places from v on have the same host. */
static size_t rule_index_run(const struct rule_place *v, size_t n)
{
	size_t run = 1;

	while (run < n && str_eq(v[run].host, v[0].host))
		run++;
	return run;
}

static void rule_index_host_add(struct rule_index *ix, uint32_t number, const struct rule_place *v, size_t run)
{
	struct rule_host *h = &ix->hosts[number];
	struct str name = v[0].host;
	uint32_t hash = (uint32_t)hash_str(name, 0), text;

	h->n = (uint16_t)name.n; /* a rule is shorter */
	if (name.n <= RULE_HOST_NAME) {
		memcpy(h->name, name.p, name.n);
	} else {
		text = rule_trie_text(&ix->tries, name);
		memcpy(h->name, &text, sizeof(text));
	}
	rule_trie_add(&ix->tries, v, (uint32_t)run, &h->root);
	*rule_index_slot(ix, name, hash) = (struct rule_slot){ hash, number + 1 };
}

static void rule_index_fill_hosts(struct rule_index *ix, const struct rule_places *p)
{
	uint32_t number = 0;

	for (size_t i = 0, run; i < p->n; i += run) {
		run = rule_index_run(p->v + i, p->n - i);
		if (p->v[i].host.p)
			rule_index_host_add(ix, number++, p->v + i, run);
		else
			rule_trie_add(&ix->tries, p->v + i, (uint32_t)run, &ix->general);
	}
}

static size_t rule_index_host_count(const struct rule_places *p)
{
	size_t hosts = 0;

	for (size_t i = 0; i < p->n; i += rule_index_run(p->v + i, p->n - i))
		hosts++;
	return hosts;
}

/* Cache lines, which the arena does not align to. */
static struct rule_host *rule_index_host_lines(struct arena *a, size_t n)
{
	char *p = arena_zalloc(a, (n + 1) * sizeof(struct rule_host));

	return (struct rule_host *)(p + (-(uintptr_t)p & (sizeof(struct rule_host) - 1)));
}

/* What lookups read of the entries, side by side. */
static void rule_index_columns(struct rule_index *ix, struct arena *a)
{
	ix->values = arena_alloc(a, (ix->n + 1) * sizeof(*ix->values));
	ix->programs = arena_alloc(a, (ix->n + 1) * sizeof(*ix->programs));
	for (size_t i = 0; i < ix->n; i++) {
		ix->values[i] = ix->entries[i].value;
		ix->programs[i] = ix->entries[i].rule->rest;
	}
}

struct rule_index *rule_index_build(struct arena *a, const struct rule_entry *entries, size_t n)
{
	struct rule_index *ix = arena_zalloc(a, sizeof(*ix));
	struct rule_places places;
	size_t size = 2, hosts;

	ix->http = n > 0 && rule_is_http(entries[0].rule->dialect);
	ix->entries = rule_index_sort(a, entries, n);
	ix->n = n;
	rule_index_columns(ix, a);
	ix->general.best = RULE_NOWHERE;
	buf_init(&ix->tries.texts, 0);
	places = rule_index_places(ix->entries, n);
	hosts = rule_index_host_count(&places);
	while (2 * size < 3 * hosts)
		size *= 2;
	ix->mask = (uint32_t)size - 1;
	ix->slots = arena_zalloc(a, size * sizeof(*ix->slots));
	ix->hosts = rule_index_host_lines(a, hosts);
	rule_index_fill_hosts(ix, &places);
	rule_trie_finish(&ix->tries, a);
	free(places.v);
	return ix;
}

const struct rule_entry *rule_index_entries(const struct rule_index *ix, size_t *ret_n)
{
	*ret_n = ix->n;
	return ix->entries;
}

/* ---- lookup ---- */

struct rule_lookup {
	const struct rule_index *ix;
	const struct rule_facts *f;
	uint32_t best; /* position of the best match so far */
};

static bool rule_index_test(const void *ctx, uint32_t position)
{
	const struct rule_lookup *l = ctx;

	return rule_run(l->ix->programs[position], l->f);
}

static void rule_index_try(struct rule_lookup *l, const struct rule_trie_node *root)
{
	struct str path = l->ix->http ? l->f->path : str_mk(NULL, 0);

	l->best = rule_trie_find(&l->ix->tries, root, path, l->best, rule_index_test, l);
}

static void rule_index_try_host(struct rule_lookup *l, struct str name)
{
	const struct rule_slot *s = rule_index_slot(l->ix, name, (uint32_t)hash_str(name, 0));

	if (s->host)
		rule_index_try(l, &l->ix->hosts[s->host - 1].root);
}

void *rule_index_find(const struct rule_index *ix, const struct rule_facts *f)
{
	struct rule_lookup l = { ix, f, RULE_NOWHERE };
	struct str name = ix->http ? f->host : f->sni;
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;

	/* No name begins with a dot, which is how keys of parents do. */
	if (name.n && dot != name.p) {
		rule_index_try_host(&l, name);
		if (dot)
			rule_index_try_host(&l, str_skip(name, (size_t)(dot - name.p)));
	}
	rule_index_try(&l, &ix->general);
	return l.best == RULE_NOWHERE ? NULL : ix->values[l.best];
}
