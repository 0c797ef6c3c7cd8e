/* The wheel. A timer lies at the level of the highest byte in which its tick differs from now, in the slot that byte
 * names; so within the lowest three levels everything due lies ahead of now's own slot, and the top level is a circle.
 * A slot that comes up is emptied: what is due fires, the rest is filed again one or more levels lower. Time moves from
 * one occupied slot to the next, so a jump costs what it meets and not its length. */
#include "io/timer.h"
#include <limits.h>

#define LEVELS	  4
#define SLOTS	  256
#define TOP_SHIFT (8 * (LEVELS - 1))

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms)
{
	*w = (struct timer_wheel){ .now_ms = now_ms };
	for (int l = 0; l < LEVELS; l++)
		for (int i = 0; i < SLOTS; i++)
			list_init(&w->slot[l][i]);
}

static int level_of(uint64_t now_ms, uint64_t at_ms)
{
	uint64_t differ = now_ms ^ at_ms;

	return differ >> TOP_SHIFT ? LEVELS - 1 : differ >> 16 ? 2 : differ >> 8 ? 1 : 0;
}

static void file_timer(struct timer_wheel *w, struct timer *t)
{
	uint64_t at = t->due_ms > w->now_ms ? t->due_ms : w->now_ms + 1;
	uint64_t farthest = (w->now_ms >> TOP_SHIFT) + SLOTS - 1;
	int level = level_of(w->now_ms, at);
	unsigned i;

	if (at >> TOP_SHIFT > farthest)
		at = farthest << TOP_SHIFT;
	i = (unsigned)(at >> (8 * level)) & (SLOTS - 1);
	t->slot_ms = at;
	w->filed++;
	list_push_back(&w->slot[level][i], &t->link);
	w->occupied[level][i / 64] |= 1ull << (i % 64);
}

static void clear_bit(struct timer_wheel *w, const struct list *slot)
{
	size_t i = (size_t)(slot - &w->slot[0][0]);

	w->occupied[i / SLOTS][i % SLOTS / 64] &= ~(1ull << (i % 64));
}

static bool is_slot(const struct timer_wheel *w, const struct list *l)
{
	return (uintptr_t)l >= (uintptr_t)&w->slot[0][0] && (uintptr_t)l <= (uintptr_t)&w->slot[LEVELS - 1][SLOTS - 1];
}

static void unfile_timer(struct timer_wheel *w, struct timer *t)
{
	struct list *neighbour = t->link.next;

	if (!t->slot_ms)
		return;
	list_remove(&t->link);
	t->slot_ms = 0;
	w->filed--;
	/* An emptied list is its head alone; the head is no slot while its timers are being fired. */
	if (list_empty(neighbour) && is_slot(w, neighbour))
		clear_bit(w, neighbour);
}

void timer_set(struct timer_wheel *w, struct timer *t, uint64_t due_ms)
{
	t->due_ms = due_ms ? due_ms : 1;
	if (t->slot_ms && t->due_ms >= t->slot_ms)
		return;
	unfile_timer(w, t);
	file_timer(w, t);
}

void timer_cancel(struct timer_wheel *w, struct timer *t)
{
	unfile_timer(w, t);
	t->due_ms = 0;
}

/* The first occupied slot from `from` on, or SLOTS. */
static unsigned next_bit(const uint64_t bits[4], unsigned from)
{
	for (unsigned word = from / 64; word < 4; word++) {
		uint64_t b = bits[word];

		if (word == from / 64)
			b &= ~0ull << (from % 64);
		if (b)
			return word * 64 + (unsigned)__builtin_ctzll(b);
	}
	return SLOTS;
}

struct upcoming {
	uint64_t at_ms;
	int level;
	unsigned slot;
};

/* The occupied slot that comes up next: lower levels before higher ones. */
static bool next_slot(const struct timer_wheel *w, struct upcoming *ret)
{
	for (int l = 0; l < LEVELS; l++) {
		uint64_t prefix = w->now_ms >> (8 * l);
		unsigned here = (unsigned)prefix & (SLOTS - 1);
		unsigned i = here + 1 < SLOTS ? next_bit(w->occupied[l], here + 1) : SLOTS;

		if (i == SLOTS && l == LEVELS - 1)
			i = next_bit(w->occupied[l], 0);
		if (i == SLOTS)
			continue;
		*ret = (struct upcoming){ (prefix + ((i - here) & (SLOTS - 1))) << (8 * l), l, i };
		return true;
	}
	return false;
}

/* Moves the timers of a slot to a list of their own, which callbacks cannot lengthen. */
static void take_slot(struct timer_wheel *w, int level, unsigned i, struct list *ret)
{
	struct list *slot = &w->slot[level][i];

	list_take(slot, ret);
	clear_bit(w, slot);
}

static void run_slot(struct timer_wheel *w, int level, unsigned i)
{
	struct list due;

	take_slot(w, level, i, &due);
	while (!list_empty(&due)) {
		struct timer *t = container_of(due.next, struct timer, link);

		unfile_timer(w, t);
		if (t->due_ms > w->now_ms) {
			file_timer(w, t);
			continue;
		}
		t->due_ms = 0;
		t->fire(t); /* may free t */
	}
}

void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms)
{
	struct upcoming u;

	while (w->filed && next_slot(w, &u) && u.at_ms <= now_ms) {
		w->now_ms = u.at_ms;
		run_slot(w, u.level, u.slot);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

int timer_wheel_next_ms(const struct timer_wheel *w, uint64_t now_ms)
{
	struct upcoming u;

	if (!w->filed || !next_slot(w, &u))
		return -1;
	if (u.at_ms <= now_ms)
		return 0;
	return u.at_ms - now_ms > INT_MAX ? INT_MAX : (int)(u.at_ms - now_ms);
}
