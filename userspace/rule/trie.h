/* Paths and beginnings of paths, each with the rules that have it; found by one walk along the path of a request. Many
 * tries share one set of arrays. Built once, then read-only. Private to this room. */
#pragma once
#include "base/arena.h"

/* One path of one rule. */
struct rule_place {
	struct str host, path;
	bool whole;	/* else a beginning */
	uint32_t entry; /* position of the rule << 1 | sure */
};

#define RULE_NOWHERE UINT32_MAX

struct rule_trie_node {
	const char *label; /* what the path goes on with, from the parent's end to this node's */
	uint32_t nlabel;
	uint32_t child;				 /* the first of nchild, which follow each other */
	uint32_t best;				 /* the lowest position here and below */
	uint32_t prefix, nprefix, whole, nwhole; /* into entries: rules whose path ends here */
	uint16_t nchild;
};

struct rule_tries {
	struct rule_trie_node *nodes;
	unsigned char *first; /* of each node's label, so that children are found by memchr() */
	uint32_t *entries;
	uint32_t nnodes, node_cap, nentries, entry_cap;
};

/* A trie of the places, which are in order of path, beginnings before whole ones, then entry, without duplicates; at
 * least one. Returns its root. Labels are views of the places' paths. */
uint32_t rule_trie_add(struct rule_tries *t, const struct rule_place *places, uint32_t n);
/* No more will be added: cuts the arrays to size; they are freed with `a`. */
void rule_trie_finish(struct rule_tries *t, struct arena *a);
/* The lowest position below `best` of a rule whose path fits and that `test` accepts (not asked where it is sure), or
 * `best`. */
uint32_t rule_trie_find(const struct rule_tries *t, uint32_t root, struct str path, uint32_t best,
			bool (*test)(const void *ctx, uint32_t position), const void *ctx);
