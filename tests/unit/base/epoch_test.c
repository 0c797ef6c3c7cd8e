/* Unit tests of base/epoch: publication, and a writer that waits for exactly the readers that are online. */
#include "base/epoch.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static _Atomic(void *) slot;
static atomic_bool stop;

/* Reads in a tight loop; the writer frees what it replaced, so a fault here is a use after free (the sanitizer's case).
 */
static void *reader(void *arg)
{
	unsigned long sum = 0;

	(void)arg;
	epoch_register();
	for (unsigned i = 0; !atomic_load(&stop); i++) {
		volatile int *p = epoch_read(&slot);

		sum += (unsigned long)*p;
		sum += (unsigned long)*p;
		epoch_quiescent();
		if (i % 64 == 0) {
			epoch_offline();
			epoch_online();
		}
	}
	epoch_unregister();
	return (void *)sum;
}

static int *boxed(int v)
{
	int *p = malloc(sizeof(*p));

	*p = v;
	return p;
}

static void test_readers_never_see_freed_memory(void **state)
{
	pthread_t threads[2];

	(void)state;
	atomic_store(&stop, false);
	assert_null(epoch_publish(&slot, boxed(1)));
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, reader, NULL);
	for (int i = 0; i < 200; i++) {
		int *old = epoch_publish(&slot, boxed(i));

		epoch_wait();
		*old = -1;
		free(old);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	free(epoch_publish(&slot, NULL));
}

static atomic_int phase; /* 1: reader online, 2: reader about to be quiescent */

static void *slow_reader(void *arg)
{
	(void)arg;
	epoch_register();
	atomic_store(&phase, 1);
	while (!atomic_load(&stop))
		;
	atomic_store(&phase, 2);
	epoch_quiescent();
	epoch_unregister();
	return NULL;
}

static void *releaser(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		sched_yield();
	atomic_store(&stop, true);
	return NULL;
}

static void test_waits_for_the_online(void **state)
{
	pthread_t r, s;

	(void)state;
	atomic_store(&stop, false);
	atomic_store(&phase, 0);
	pthread_create(&r, NULL, slow_reader, NULL);
	while (atomic_load(&phase) != 1)
		sched_yield();
	pthread_create(&s, NULL, releaser, NULL);
	epoch_wait();
	assert_int_equal(atomic_load(&phase), 2);
	pthread_join(r, NULL);
	pthread_join(s, NULL);
}

static void test_does_not_wait_for_the_offline(void **state)
{
	(void)state;
	epoch_register();
	epoch_offline();
	epoch_wait(); /* would never return */
	epoch_online();
	epoch_wait(); /* a registered caller does not wait for itself */
	epoch_unregister();
	epoch_wait();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_never_see_freed_memory),
		cmocka_unit_test(test_waits_for_the_online),
		cmocka_unit_test(test_does_not_wait_for_the_offline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
