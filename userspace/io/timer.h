/* Hierarchical timer wheel (Varghese & Lauck, 1987), 1 ms ticks, four levels of 256 slots. Arming is a list insertion;
 * a timer that is armed again for later keeps its place and is moved on when its old slot comes up, so that pushing a
 * deadline ahead on every request is one store. One wheel per loop; not thread-safe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

struct timer {
	struct list link;
	uint64_t due_ms;  /* wanted; 0: not armed */
	uint64_t slot_ms; /* where it is filed; 0: not filed */
	void (*fire)(struct timer *t);
};

struct timer_wheel {
	uint64_t now_ms; /* last tick processed */
	unsigned filed;
	uint64_t occupied[4][4]; /* one bit per slot: the next one is found without a walk */
	struct list slot[4][256];
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms);
static inline void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	list_init(&t->link);
	t->due_ms = t->slot_ms = 0;
	t->fire = fire;
}
void timer_set(struct timer_wheel *w, struct timer *t, uint64_t due_ms); /* replaces an earlier deadline */
void timer_cancel(struct timer_wheel *w, struct timer *t);
/* Fires what is due; callbacks may set and cancel any timer, and free their own. */
void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms);
/* ms until it must be advanced again (maybe only to move a timer on); -1: nothing filed. */
int timer_wheel_next_ms(const struct timer_wheel *w, uint64_t now_ms);
