/* The one place that names liburcu, so that its flavour can be changed here. */
#include "base/epoch.h"
#include <urcu/urcu-qsbr.h>

void epoch_register(void)
{
	urcu_qsbr_register_thread();
}

void epoch_unregister(void)
{
	urcu_qsbr_unregister_thread();
}

void epoch_quiescent(void)
{
	urcu_qsbr_quiescent_state();
}

void epoch_offline(void)
{
	urcu_qsbr_thread_offline();
}

void epoch_online(void)
{
	urcu_qsbr_thread_online();
}

void *epoch_publish(_Atomic(void *) *slot, void *new_value)
{
	return atomic_exchange_explicit(slot, new_value, memory_order_acq_rel);
}

void epoch_wait(void)
{
	urcu_qsbr_synchronize_rcu();
}
