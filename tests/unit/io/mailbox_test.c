/* Unit tests of io/mailbox: order, wake-ups, several senders, freeing. */
#include "io/mailbox.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

struct note {
	struct message message;
	unsigned sender, number;
	struct mailbox *reply; /* posted to on delivery */
};

static struct loop loop;
static unsigned delivered, next_of[4];

static void deliver(struct message *m)
{
	struct note *n = container_of(m, struct note, message);

	assert_int_equal(n->number, next_of[n->sender]++);
	delivered++;
	if (n->reply) {
		struct note *again = mem_zalloc(sizeof(*again));

		again->message.deliver = deliver;
		again->sender = n->sender;
		again->number = n->number + 1;
		mailbox_post(n->reply, &again->message);
	}
	free(n);
}

static void post(struct mailbox *m, unsigned sender, unsigned number, struct mailbox *reply)
{
	struct note *n = mem_zalloc(sizeof(*n));

	*n = (struct note){ { NULL, deliver }, sender, number, reply };
	mailbox_post(m, &n->message);
}

static int setup(void **state)
{
	(void)state;
	delivered = 0;
	memset(next_of, 0, sizeof(next_of));
	return loop_init(&loop);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(&loop);
	return 0;
}

static void test_delivers_in_order(void **state)
{
	struct mailbox m;

	(void)state;
	assert_int_equal(mailbox_init(&m, &loop), 0);
	loop_once(&loop, 0);
	assert_int_equal(delivered, 0);
	for (unsigned i = 0; i < 3; i++)
		post(&m, 0, i, NULL);
	loop_once(&loop, -1);
	assert_int_equal(delivered, 3);
	post(&m, 0, 3, &m); /* posts from within its own delivery */
	loop_once(&loop, -1);
	loop_once(&loop, -1);
	assert_int_equal(delivered, 5);
	mailbox_free(&m);
}

static void test_free_delivers_the_rest(void **state)
{
	struct mailbox m;

	(void)state;
	assert_int_equal(mailbox_init(&m, &loop), 0);
	post(&m, 0, 0, &m);
	mailbox_free(&m);
	assert_int_equal(delivered, 2);
}

#define PER_SENDER 20000

struct sender {
	struct mailbox *to;
	unsigned id;
};

static void *send_many(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < PER_SENDER; i++)
		post(s->to, s->id, i, NULL);
	return NULL;
}

/* Waits without a limit: a lost wake-up would hang here. */
static void test_many_senders(void **state)
{
	struct mailbox m;
	pthread_t threads[4];
	struct sender senders[4];

	(void)state;
	assert_int_equal(mailbox_init(&m, &loop), 0);
	for (unsigned i = 0; i < 4; i++) {
		senders[i] = (struct sender){ &m, i };
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	}
	while (delivered < 4 * PER_SENDER)
		loop_once(&loop, -1);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	mailbox_free(&m);
	assert_int_equal(delivered, 4 * PER_SENDER);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_delivers_in_order), TEST(test_free_delivers_the_rest),
					    TEST(test_many_senders) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
