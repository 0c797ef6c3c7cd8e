/* Lookup among many rules. From its tree it is known of most rules which hosts they can match at all; such a rule is
 * only looked at for those hosts. A name key is a host ("a.b") or a parent with its dot (".b", for "*.b"). A request
 * thus meets three lists - its host, its parent, and the rules without a name - which are walked together in order of
 * priority. */
#include "rule/index.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "rule/ast.h"
#include "rule/ops.h"

/* Entries of one name, or those of none: positions in rule_index.entries, ascending, which is by priority. */
struct rule_bucket {
	struct str key; /* p NULL: slot is free */
	uint32_t hash;
	uint32_t n;
	uint32_t *at;
};

struct rule_index {
	const struct rule_entry *entries; /* by priority, then as given */
	struct rule_bucket *buckets;	  /* open addressing, linear probing, at most half full */
	uint32_t mask;
	struct rule_bucket general;
	bool http;
};

/* How many name keys a match of `n` must have one of; 0: it can match any name. */
static size_t rule_index_count(const struct rule_node *n)
{
	size_t sum = 0, least = 0, c;
	struct str key;

	if (n->kind == RULE_CALL)
		return n->call->op->host && n->call->op->host(n->call->data, &key);
	if (n->kind == RULE_NOT)
		return 0;
	for (const struct rule_node *k = n->child; k; k = k->next) {
		c = rule_index_count(k);
		if (c == 0 && n->kind == RULE_OR)
			return 0;
		sum += c;
		if (c > 0 && (least == 0 || c < least))
			least = c;
	}
	return n->kind == RULE_OR ? sum : least;
}

/* Calls `add` with each of those keys; only for a node that has some. One child of an AND is enough: the one with
 * fewest. */
static void rule_index_keys(const struct rule_node *n, void (*add)(void *ctx, struct str key), void *ctx)
{
	const struct rule_node *best = NULL;
	struct str key;

	if (n->kind == RULE_CALL) {
		if (n->call->op->host(n->call->data, &key))
			add(ctx, key);
		return;
	}
	for (const struct rule_node *k = n->child; k; k = k->next) {
		size_t c = rule_index_count(k);

		if (n->kind == RULE_OR)
			rule_index_keys(k, add, ctx);
		else if (c > 0 && (!best || c < rule_index_count(best)))
			best = k;
	}
	if (best)
		rule_index_keys(best, add, ctx);
}

bool rule_index_hosts(const struct rule *r, void (*add)(void *ctx, struct str host), void *ctx)
{
	if (rule_index_count(r->root) == 0)
		return false;
	rule_index_keys(r->root, add, ctx);
	return true;
}

/* The bucket of a key, or the free slot where it would be. */
static struct rule_bucket *rule_index_slot(const struct rule_index *ix, struct str key, uint32_t hash)
{
	uint32_t i = hash & ix->mask;

	while (ix->buckets[i].key.p && (ix->buckets[i].hash != hash || !str_eq(ix->buckets[i].key, key)))
		i = (i + 1) & ix->mask;
	return &ix->buckets[i];
}

/* What is needed while the lists are made: first they are only counted, then filled. */
struct rule_index_build {
	struct rule_index *ix;
	uint32_t entry;
	bool fill;
};

static void rule_index_put(struct rule_bucket *b, const struct rule_index_build *build)
{
	if (build->fill) {
		if (b->n > 0 && b->at[b->n - 1] == build->entry)
			return; /* Host(`a`) || Host(`a`) */
		b->at[b->n] = build->entry;
	}
	b->n++;
}

static void rule_index_add(void *ctx, struct str key)
{
	const struct rule_index_build *build = ctx;
	uint32_t hash = (uint32_t)hash_str(key, 0);
	struct rule_bucket *b = rule_index_slot(build->ix, key, hash);

	if (!b->key.p) {
		b->key = key;
		b->hash = hash;
	}
	rule_index_put(b, build);
}

static void rule_index_pass(struct rule_index *ix, size_t n, bool fill)
{
	struct rule_index_build build = { .ix = ix, .fill = fill };

	for (; build.entry < n; build.entry++) {
		const struct rule_node *root = ix->entries[build.entry].rule->root;

		if (rule_index_count(root) > 0)
			rule_index_keys(root, rule_index_add, &build);
		else
			rule_index_put(&ix->general, &build);
	}
}

/* Turns the count of a list into room for it. */
static void rule_index_room(struct arena *a, struct rule_bucket *b)
{
	if (b->n > 0)
		b->at = arena_alloc(a, b->n * sizeof(*b->at));
	b->n = 0;
}

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

struct rule_index *rule_index_build(struct arena *a, const struct rule_entry *entries, size_t n)
{
	struct rule_index *ix = arena_zalloc(a, sizeof(*ix));
	size_t keys = 0, size = 2;

	for (size_t i = 0; i < n; i++)
		keys += rule_index_count(entries[i].rule->root);
	while (size < 2 * keys)
		size *= 2;
	ix->http = n > 0 && entries[0].rule->dialect == RULE_HTTP;
	ix->entries = rule_index_sort(a, entries, n);
	ix->mask = (uint32_t)size - 1;
	ix->buckets = arena_zalloc(a, size * sizeof(*ix->buckets));
	rule_index_pass(ix, n, false);
	for (size_t i = 0; i < size; i++)
		rule_index_room(a, &ix->buckets[i]);
	rule_index_room(a, &ix->general);
	rule_index_pass(ix, n, true);
	return ix;
}

/* One of the lists that a request meets, as far as it is not yet walked. */
struct rule_walk {
	const uint32_t *at, *end;
};

static struct rule_walk rule_index_walk(const struct rule_index *ix, struct str key)
{
	const struct rule_bucket *b = key.n ? rule_index_slot(ix, key, (uint32_t)hash_str(key, 0)) : NULL;

	return b && b->n ? (struct rule_walk){ b->at, b->at + b->n } : (struct rule_walk){ 0 };
}

/* The part of a name that a "*.parent" key has: from its first dot on. */
static struct str rule_index_parent(struct str name)
{
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;

	return dot ? str_skip(name, (size_t)(dot - name.p)) : str_mk(NULL, 0);
}

void *rule_index_find(const struct rule_index *ix, const struct rule_facts *f)
{
	struct str name = ix->http ? f->host : f->sni;
	struct rule_walk walks[] = {
		rule_index_walk(ix, name),
		rule_index_walk(ix, rule_index_parent(name)),
		{ ix->general.at, ix->general.at + ix->general.n },
	};

	for (;;) {
		struct rule_walk *next = NULL;

		for (size_t i = 0; i < ARRAY_LEN(walks); i++)
			if (walks[i].at < walks[i].end && (!next || *walks[i].at < *next->at))
				next = &walks[i];
		if (!next)
			return NULL;
		const struct rule_entry *e = &ix->entries[*next->at++];

		if (rule_match(e->rule, f))
			return e->value;
	}
}
