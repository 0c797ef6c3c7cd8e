/* Intrusive doubly linked list with a sentinel head. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert_after(struct list *at, struct list *n)
{
	n->next = at->next;
	n->prev = at;
	at->next->prev = n;
	at->next = n;
}
static inline void list_push_front(struct list *l, struct list *n)
{
	list_insert_after(l, n);
}
static inline void list_push_back(struct list *l, struct list *n)
{
	list_insert_after(l->prev, n);
}
/* Removing an item twice is harmless: it is left pointing at itself. */
static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
/* Moves everything from `from` to `to`, which need not be initialised; `from` is empty afterwards. */
static inline void list_take(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}
#define list_each_safe(it, l) \
	for (struct list *it = (l)->next, *it##_next = it->next; it != (l); it = it##_next, it##_next = it->next)
