/* The certificate index. */
#include "tls/store.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define NAME_MAX_LEN 255

void store_init(struct store *s)
{
	*s = (struct store){ 0 };
	map_init(&s->names);
}

void store_free(struct store *s)
{
	map_each (e, &s->names)
		free(e->value);
	map_free(&s->names);
	for (size_t i = 0; i < s->n; i++)
		keypair_unref(&s->all[i]);
	free(s->all);
}

static void own(struct store *s, struct keypair *k)
{
	if (s->n + 1 >= s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->all = mem_realloc(s->all, s->cap, sizeof(*s->all));
	}
	s->all[s->n++] = k;
	s->all[s->n] = NULL;
}

static void add_name(struct store *s, const char *name, struct keypair *k)
{
	struct store_slot *slot = map_get(&s->names, str_of(name));
	if (!slot) {
		slot = mem_zalloc(sizeof(*slot));
		map_set(&s->names, str_of(name), slot);
	}
	if (!slot->kinds[k->kind])
		slot->kinds[k->kind] = k;
}

void store_add(struct store *s, struct keypair *k)
{
	own(s, k);
	for (size_t i = 0; i < k->nnames; i++)
		add_name(s, k->names[i], k);
}

void store_set_default(struct store *s, struct keypair *k)
{
	own(s, k);
	s->fallback = (struct store_slot){ 0 };
	s->fallback.kinds[k->kind] = k;
}

const struct store_slot *store_find(const struct store *s, struct str name)
{
	char wildcard[NAME_MAX_LEN + 1] = "*";
	const struct store_slot *exact = name.n ? map_get(&s->names, name) : NULL;
	const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
	if (exact || !dot || dot == name.p)
		return exact;
	size_t n = name.n - (size_t)(dot - name.p);
	if (n >= NAME_MAX_LEN)
		return NULL;
	memcpy(wildcard + 1, dot, n);
	return map_get(&s->names, str_mk(wildcard, n + 1));
}
