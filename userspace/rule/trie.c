/* A radix trie over bytes. It is built level by level from the sorted places: a node's places are a range, what all of
 * them share is its label, and each next byte is a child with a range of its own. So neither building nor walking needs
 * recursion, however deep paths nest. */
#include "rule/trie.h"

#include <stdlib.h>

#include "base/mem.h"

/* The places of a node that is not yet split, and how much of their path lies above it. */
struct rule_trie_range {
	uint32_t low, high, depth;
};

_Static_assert(sizeof(struct rule_trie_node) == 32, "two nodes share a cache line");

static uint32_t rule_trie_node_new(struct rule_tries *t, unsigned char first)
{
	if (t->nnodes == t->node_cap) {
		t->node_cap = t->node_cap ? t->node_cap * 2 : 64;
		t->nodes = mem_realloc(t->nodes, t->node_cap, sizeof(*t->nodes));
		t->first = mem_realloc(t->first, t->node_cap, sizeof(*t->first));
	}
	t->nodes[t->nnodes] = (struct rule_trie_node){ .best = RULE_NOWHERE };
	t->first[t->nnodes] = first;
	return t->nnodes++;
}

static void rule_trie_entry_add(struct rule_tries *t, uint32_t entry)
{
	if (t->nentries == t->entry_cap) {
		t->entry_cap = t->entry_cap ? t->entry_cap * 2 : 64;
		t->entries = mem_realloc(t->entries, t->entry_cap, sizeof(*t->entries));
	}
	t->entries[t->nentries++] = entry;
}

/* How far the first and the last of a sorted range, and so all of it, are the same. */
static uint32_t rule_trie_common(struct str x, struct str y, uint32_t from)
{
	uint32_t n = (uint32_t)(x.n < y.n ? x.n : y.n);

	while (from < n && x.p[from] == y.p[from])
		from++;
	return from;
}

/* Takes from the front of the range the places that end here. Beginnings come first. */
static uint32_t rule_trie_ends(struct rule_tries *t, struct rule_trie_node *n, const struct rule_place *v,
			       struct rule_trie_range r)
{
	n->at = t->nentries;
	while (r.low < r.high && v[r.low].path.n == r.depth) {
		rule_trie_entry_add(t, v[r.low].entry);
		if (v[r.low].whole)
			n->nwhole++;
		else
			n->nprefix++;
		if (v[r.low].entry >> 1 < n->best)
			n->best = v[r.low].entry >> 1;
		r.low++;
	}
	if (n->nprefix + n->nwhole == 1)
		n->at = t->entries[--t->nentries];
	return r.low;
}

uint32_t rule_trie_text(struct rule_tries *t, struct str s)
{
	buf_str(&t->texts, s);
	return (uint32_t)(t->texts.n - s.n);
}

static void rule_trie_label(struct rule_tries *t, struct rule_trie_node *n, struct str label)
{
	n->nlabel = (uint16_t)label.n; /* a rule is shorter */
	if (label.n > RULE_TRIE_LABEL)
		n->label.text = rule_trie_text(t, label);
	else if (label.n)
		memcpy(n->label.bytes, label.p, label.n);
}

/* Makes *ret of its range, and its children, not yet split, with theirs; ranges[0] is that of node `base`. */
static void rule_trie_split(struct rule_tries *t, const struct rule_place *v, struct rule_trie_range r,
			    struct rule_trie_node *ret, struct rule_trie_range *ranges, uint32_t base)
{
	struct rule_trie_node n = { .best = RULE_NOWHERE, .child = t->nnodes };
	uint32_t low, high, depth = rule_trie_common(v[r.low].path, v[r.high - 1].path, r.depth);

	rule_trie_label(t, &n, str_mk(v[r.low].path.p + r.depth, depth - r.depth));
	low = rule_trie_ends(t, &n, v, (struct rule_trie_range){ r.low, r.high, depth });
	for (; low < r.high; low = high) {
		unsigned char c = (unsigned char)v[low].path.p[depth];
		uint32_t child = rule_trie_node_new(t, c);

		for (high = low + 1; high < r.high && (unsigned char)v[high].path.p[depth] == c;)
			high++;
		ranges[child - base] = (struct rule_trie_range){ low, high, depth };
		n.nchild++;
	}
	*ret = n;
}

static void rule_trie_best(const struct rule_tries *t, struct rule_trie_node *n)
{
	for (uint32_t c = n->child; c < n->child + n->nchild; c++)
		if (t->nodes[c].best < n->best)
			n->best = t->nodes[c].best;
}

void rule_trie_add(struct rule_tries *t, const struct rule_place *places, uint32_t n, struct rule_trie_node *ret_root)
{
	/* A node either ends a path or has two children or more. */
	_cleanup_free_ struct rule_trie_range *ranges = mem_alloc(2 * (size_t)n * sizeof(*ranges));
	struct rule_trie_node node;
	uint32_t base = t->nnodes;

	rule_trie_split(t, places, (struct rule_trie_range){ 0, n, 0 }, ret_root, ranges, base);
	for (uint32_t id = base; id < t->nnodes; id++) {
		rule_trie_split(t, places, ranges[id - base], &node, ranges, base);
		t->nodes[id] = node; /* which may have moved */
	}
	for (uint32_t id = t->nnodes; id-- > base;)
		rule_trie_best(t, &t->nodes[id]);
	rule_trie_best(t, ret_root);
}

void rule_trie_finish(struct rule_tries *t, struct arena *a)
{
	t->nodes = mem_realloc(t->nodes, t->nnodes + 1, sizeof(*t->nodes));
	t->first = mem_realloc(t->first, t->nnodes + 1, sizeof(*t->first));
	t->entries = mem_realloc(t->entries, t->nentries + 1, sizeof(*t->entries));
	arena_defer(a, free, t->nodes);
	arena_defer(a, free, t->first);
	arena_defer(a, free, t->entries);
	arena_defer(a, free, t->texts.p);
}

/* Entries are in order of position: the first that is accepted is the best of its list. */
static inline uint32_t rule_trie_list(const uint32_t *v, uint32_t n, uint32_t best,
				      bool (*test)(const void *ctx, uint32_t position), const void *ctx)
{
	for (uint32_t i = 0; i < n && v[i] >> 1 < best; i++)
		if (v[i] & 1 || test(ctx, v[i] >> 1))
			return v[i] >> 1;
	return best;
}

static inline bool rule_trie_goes_on(const struct rule_tries *t, const struct rule_trie_node *n, struct str path)
{
	const char *label = n->nlabel > RULE_TRIE_LABEL ? t->texts.p + n->label.text : n->label.bytes;

	return path.n >= n->nlabel && (n->nlabel == 0 || memcmp(path.p, label, n->nlabel) == 0);
}

/* Which child goes on with that byte; NULL: none. */
static inline const struct rule_trie_node *rule_trie_child(const struct rule_tries *t, const struct rule_trie_node *n,
							   char c)
{
	const unsigned char *found = n->nchild ? memchr(t->first + n->child, (unsigned char)c, n->nchild) : NULL;

	return found ? &t->nodes[found - t->first] : NULL;
}

uint32_t rule_trie_find(const struct rule_tries *t, const struct rule_trie_node *root, struct str path, uint32_t best,
			bool (*test)(const void *ctx, uint32_t position), const void *ctx)
{
	const struct rule_trie_node *n = root;

	while (n && n->best < best && rule_trie_goes_on(t, n, path)) {
		const uint32_t *v = n->nprefix + n->nwhole == 1 ? &n->at : t->entries + n->at;

		path = str_skip(path, n->nlabel);
		best = rule_trie_list(v, n->nprefix, best, test, ctx);
		if (!path.n)
			return rule_trie_list(v + n->nprefix, n->nwhole, best, test, ctx);
		n = rule_trie_child(t, n, path.p[0]);
	}
	return best;
}
