/* Publishing one pointer to threads that read it without a lock, and knowing when nobody can still hold the old one.
 * Quiescent-state based RCU (Desnoyers et al., "User-Level Implementations of Read-Copy Update", 2012) from liburcu:
 * a registered thread may use what epoch_read() gave it until it next says epoch_quiescent() or epoch_offline(). */
#pragma once
#include <stdatomic.h>

/* Each reading thread, once, before its first epoch_read() and after its last. Registered threads start online. */
void epoch_register(void);
void epoch_unregister(void);
/* "I hold nothing": cheap; between events of a busy loop. Registered threads only. */
void epoch_quiescent(void);
/* Around sleeping: an offline thread delays nobody and must not read. Registered threads only; loop.on_sleep
 * calls them. */
void epoch_offline(void);
void epoch_online(void);

static inline void *epoch_read(_Atomic(void *) *slot)
{
	return atomic_load_explicit(slot, memory_order_acquire);
}

/* Stores the new pointer (everything written before is visible to its readers) and returns the old one, which readers
 * may use until epoch_wait() has returned. Any thread. */
void *epoch_publish(_Atomic(void *) *slot, void *new_value);
/* Blocks until every thread that was online has been quiescent once. Any thread, registered or not; a registered caller
 * counts as quiescent meanwhile. */
void epoch_wait(void);
