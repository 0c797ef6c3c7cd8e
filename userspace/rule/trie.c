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

/* Takes from the front of the range the places that end here. Beginnings come first, so they are one run of entries. */
static uint32_t rule_trie_ends(struct rule_tries *t, struct rule_trie_node *n, const struct rule_place *v,
			       struct rule_trie_range r)
{
	n->prefix = n->whole = t->nentries;
	while (r.low < r.high && v[r.low].path.n == r.depth) {
		rule_trie_entry_add(t, v[r.low].entry);
		if (v[r.low].whole) {
			n->nwhole++;
		} else {
			n->nprefix++;
			n->whole++;
		}
		if (v[r.low].entry >> 1 < n->best)
			n->best = v[r.low].entry >> 1;
		r.low++;
	}
	return r.low;
}

static void rule_trie_split(struct rule_tries *t, uint32_t base, uint32_t id, const struct rule_place *v,
			    struct rule_trie_range *ranges)
{
	struct rule_trie_range r = ranges[id - base];
	struct rule_trie_node n = t->nodes[id];
	uint32_t low, high, depth = rule_trie_common(v[r.low].path, v[r.high - 1].path, r.depth);

	n.label = v[r.low].path.n ? v[r.low].path.p + r.depth : "";
	n.nlabel = depth - r.depth;
	n.child = t->nnodes;
	low = rule_trie_ends(t, &n, v, (struct rule_trie_range){ r.low, r.high, depth });
	for (; low < r.high; low = high) {
		unsigned char c = (unsigned char)v[low].path.p[depth];
		uint32_t child = rule_trie_node_new(t, c);

		for (high = low + 1; high < r.high && (unsigned char)v[high].path.p[depth] == c;)
			high++;
		ranges[child - base] = (struct rule_trie_range){ low, high, depth };
		n.nchild++;
	}
	t->nodes[id] = n;
}

uint32_t rule_trie_add(struct rule_tries *t, const struct rule_place *places, uint32_t n)
{
	/* A node either ends a path or has two children or more. */
	_cleanup_free_ struct rule_trie_range *ranges = mem_alloc(2 * (size_t)n * sizeof(*ranges));
	uint32_t base = rule_trie_node_new(t, 0);

	ranges[0] = (struct rule_trie_range){ 0, n, 0 };
	for (uint32_t id = base; id < t->nnodes; id++)
		rule_trie_split(t, base, id, places, ranges);
	for (uint32_t id = t->nnodes; id-- > base;) {
		struct rule_trie_node *node = &t->nodes[id];

		for (uint32_t c = node->child; c < node->child + node->nchild; c++)
			if (t->nodes[c].best < node->best)
				node->best = t->nodes[c].best;
	}
	return base;
}

void rule_trie_finish(struct rule_tries *t, struct arena *a)
{
	t->nodes = mem_realloc(t->nodes, t->nnodes + 1, sizeof(*t->nodes));
	t->first = mem_realloc(t->first, t->nnodes + 1, sizeof(*t->first));
	t->entries = mem_realloc(t->entries, t->nentries + 1, sizeof(*t->entries));
	arena_defer(a, free, t->nodes);
	arena_defer(a, free, t->first);
	arena_defer(a, free, t->entries);
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

uint32_t rule_trie_find(const struct rule_tries *t, uint32_t root, struct str path, uint32_t best,
			bool (*test)(const void *ctx, uint32_t position), const void *ctx)
{
	const struct rule_trie_node *n = &t->nodes[root];

	for (;;) {
		const unsigned char *child;

		if (n->best >= best || path.n < n->nlabel || (n->nlabel && memcmp(path.p, n->label, n->nlabel) != 0))
			return best;
		path = str_skip(path, n->nlabel);
		best = rule_trie_list(t->entries + n->prefix, n->nprefix, best, test, ctx);
		if (!path.n)
			return rule_trie_list(t->entries + n->whole, n->nwhole, best, test, ctx);
		child = n->nchild ? memchr(t->first + n->child, (unsigned char)path.p[0], n->nchild) : NULL;
		if (!child)
			return best;
		n = &t->nodes[child - t->first];
	}
}
