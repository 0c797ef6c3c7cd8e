/* Open addressing over a dense array of entries: the array keeps insertion order, the slots hold index + 1 into it.
 * Removal leaves a hole that the next growth closes. */
#include "base/map.h"
#include "base/hash.h"
#include "base/mem.h"
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#define MAP_SEED     0x736c75696365ull
#define SLOT_DELETED UINT_MAX

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_free(struct map *m)
{
	map_each (e, m)
		free(e->key);
	free(m->entries);
	free(m->slots);
	map_init(m);
}

/* The slot that names `key`, or NULL. */
static unsigned *find_slot(const struct map *m, struct str key)
{
	size_t mask = m->nslots - 1;

	if (!m->nslots)
		return NULL;
	for (size_t i = hash_str(key, MAP_SEED) & mask; m->slots[i]; i = (i + 1) & mask) {
		unsigned at = m->slots[i];

		if (at != SLOT_DELETED && str_eq(str_of(m->entries[at - 1].key), key))
			return &m->slots[i];
	}
	return NULL;
}

static void insert_slot(struct map *m, size_t entry)
{
	size_t mask = m->nslots - 1;
	size_t i = hash_str(str_of(m->entries[entry].key), MAP_SEED) & mask;

	while (m->slots[i])
		i = (i + 1) & mask;
	m->slots[i] = (unsigned)entry + 1;
}

/* Closes holes, makes room for more, and builds the slots anew: at most half of them are ever in use. */
static void map_rebuild(struct map *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (m->entries[i].key)
			m->entries[n++] = m->entries[i];
	m->n = n;
	if (n * 2 > m->cap || !m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->entries = mem_realloc(m->entries, m->cap, sizeof(*m->entries));
	}
	m->nslots = m->cap * 2;
	free(m->slots);
	m->slots = mem_zalloc(m->nslots * sizeof(*m->slots));
	for (size_t i = 0; i < m->n; i++)
		insert_slot(m, i);
}

void *map_get(const struct map *m, struct str key)
{
	const unsigned *slot = find_slot(m, key);

	return slot ? m->entries[*slot - 1].value : NULL;
}

void *map_set(struct map *m, struct str key, void *v)
{
	unsigned *slot = find_slot(m, key);

	if (slot) {
		struct map_entry *e = &m->entries[*slot - 1];
		void *old = e->value;

		e->value = v;
		return old;
	}
	if (m->n == m->cap)
		map_rebuild(m);
	m->entries[m->n] = (struct map_entry){ str_dup(key), v };
	insert_slot(m, m->n++);
	m->live++;
	return NULL;
}

void *map_remove(struct map *m, struct str key)
{
	unsigned *slot = find_slot(m, key);
	struct map_entry *e;

	if (!slot)
		return NULL;
	e = &m->entries[*slot - 1];
	*slot = SLOT_DELETED;
	free(take_ptr(e->key));
	m->live--;
	return e->value;
}
