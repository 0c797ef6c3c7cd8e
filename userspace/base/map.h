/* Hash table from string to pointer; insertion order is kept for walking. Keys are copied. Control plane only. */
#pragma once
#include <stddef.h>
#include "base/str.h"

struct map_entry {
	char *key;
	void *value;
};

struct map {
	struct map_entry *entries; /* in insertion order; key NULL where removed */
	size_t n, cap, live;
	unsigned *slots;
	size_t nslots;
};

void map_init(struct map *m);
void map_free(struct map *m);			       /* not the values */
void *map_get(const struct map *m, struct str key);    /* NULL when absent */
void *map_set(struct map *m, struct str key, void *v); /* returns the value it replaced or NULL */
void *map_remove(struct map *m, struct str key);
#define map_each(it, m)                                                                   \
	for (struct map_entry *it = (m)->entries; it && it < (m)->entries + (m)->n; it++) \
		if (it->key)
