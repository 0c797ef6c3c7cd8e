/* Paths and beginnings of paths, each with the rules that have it; found by one walk along the path of a request. Many
 * tries share one set of arrays. Built once, then read-only. Private to this room. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* One path of one rule. */
struct rule_place {
	struct str host, path;
	bool whole;	/* else a beginning */
	uint32_t entry; /* position of the rule << 1 | sure */
};

#define RULE_NOWHERE UINT32_MAX

#define RULE_TRIE_LABEL 8 /* bytes of a label that a node holds itself */

/* What a lookup touches is kept small, because in a large table every line of it comes from far away. */
struct rule_trie_node {
	union {
		char bytes[RULE_TRIE_LABEL];
		uint32_t text; /* of a longer one: into texts */
	} label;	       /* what the path goes on with, from the parent's end to this node's */
	uint16_t nlabel;
	uint16_t nchild;
	uint32_t child;		  /* the first of them; they follow each other */
	uint32_t best;		  /* the lowest position here and below */
	uint32_t at;		  /* into entries; the entry itself when there is one */
	uint32_t nprefix, nwhole; /* entries whose beginning, then whole path, ends here */
};

struct rule_tries {
	struct rule_trie_node *nodes;
	unsigned char *first; /* of each node's label: a child is found by memchr() */
	uint32_t *entries;
	struct buf texts;
	uint32_t nnodes, node_cap, nentries, entry_cap;
};

/* A trie of the places, which are in order of path, beginnings before whole ones, then entry, without duplicates; at
 * least one. The root is the caller's. */
void rule_trie_add(struct rule_tries *t, const struct rule_place *places, uint32_t n, struct rule_trie_node *ret_root);
/* Keeps a text; returns where it is in texts. */
uint32_t rule_trie_text(struct rule_tries *t, struct str s);
/* No more will be added: cuts the arrays to size; they are freed with `a`. */
void rule_trie_finish(struct rule_tries *t, struct arena *a);
/* The lowest position below `best` of a rule whose path fits and that `test` accepts (not asked where it is sure), or
 * `best`. */
uint32_t rule_trie_find(const struct rule_tries *t, const struct rule_trie_node *root, struct str path, uint32_t best,
			bool (*test)(const void *ctx, uint32_t position), const void *ctx);
