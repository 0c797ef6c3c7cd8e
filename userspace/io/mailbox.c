/* Message queue into a loop: a locked list, and an eventfd that is written only when the list was empty. */
#include "io/mailbox.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct message *take_all(struct mailbox *m)
{
	struct message *first;

	pthread_mutex_lock(&m->lock);
	first = m->head;
	m->head = NULL;
	m->tail = &m->head;
	pthread_mutex_unlock(&m->lock);
	return first;
}

static void deliver_all(struct message *msg)
{
	while (msg) {
		struct message *next = msg->next;

		msg->deliver(msg);
		msg = next;
	}
}

static void mailbox_ready(struct watch *w, uint32_t events)
{
	struct mailbox *m = container_of(w, struct mailbox, watch);
	eventfd_t count;

	(void)events;
	/* Before taking the list: a sender that finds it empty afterwards must leave the eventfd readable. */
	eventfd_read(w->fd, &count);
	deliver_all(take_all(m));
}

int mailbox_init(struct mailbox *m, struct loop *l)
{
	_cleanup_close_ int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	*m = (struct mailbox){ .watch = { -1, mailbox_ready }, .loop = l };
	m->tail = &m->head;
	r = loop_add(l, &m->watch, fd, EPOLLIN);
	if (r)
		return r;
	pthread_mutex_init(&m->lock, NULL);
	take_fd(fd);
	return 0;
}

void mailbox_free(struct mailbox *m)
{
	struct message *msg;
	int fd = m->watch.fd;

	while ((msg = take_all(m)))
		deliver_all(msg);
	loop_del(m->loop, &m->watch);
	close(fd);
	pthread_mutex_destroy(&m->lock);
}

void mailbox_post(struct mailbox *m, struct message *msg)
{
	bool was_empty;

	msg->next = NULL;
	pthread_mutex_lock(&m->lock);
	was_empty = !m->head;
	*m->tail = msg;
	m->tail = &msg->next;
	/* Under the lock, so that the mailbox cannot be freed between the two. An eventfd that is full is readable
	 * anyway. */
	if (was_empty)
		eventfd_write(m->watch.fd, 1);
	pthread_mutex_unlock(&m->lock);
}
