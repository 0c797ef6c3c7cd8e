/* Messages to a loop from any thread: an intrusive queue behind one eventfd. Bounded by its senders (each owns its
 * message). */
#pragma once
#include <pthread.h>
#include "io/loop.h"

struct message {
	struct message *next;
	void (*deliver)(struct message *m); /* on the receiving loop's thread; owns m from then on */
};

struct mailbox {
	struct watch watch;
	struct loop *loop;
	pthread_mutex_t lock;
	struct message *head, **tail;
};

int mailbox_init(struct mailbox *m, struct loop *l);	   /* 0 or -errno */
void mailbox_free(struct mailbox *m);			   /* undelivered messages are delivered first */
void mailbox_post(struct mailbox *m, struct message *msg); /* any thread; wakes the loop if it was empty */
