/* Connections: readiness that sticks, the order in which filters are asked, and how a connection ends for its peer. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "io/sock.h"
#include "net/conn.c"

struct bench {
	struct loop loop;
	struct conn c;
	int peer;
	unsigned events;
};

static void on_ready(struct watch *w, uint32_t events)
{
	struct bench *b = container_of(w, struct bench, c.watch);
	b->events++;
	conn_note(&b->c, events);
}

static void turn(struct bench *b)
{
	loop_once(&b->loop, 0);
}

/* A TCP connection over loopback: a socket pair knows no RST. */
static void tcp_pair(int *ret_a, int *ret_b)
{
	struct endpoint at;
	int listener;
	assert_int_equal(endpoint_parse(STR("127.0.0.1:0"), &at), 0);
	assert_int_equal(sock_listen(&at, false, 1, &listener), 0);
	assert_int_equal(sock_local(listener, &at), 0);
	assert_int_equal(sock_connect(&at, ret_b), 0);
	assert_int_equal(fcntl(listener, F_SETFL, 0), 0);
	*ret_a = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(*ret_a >= 0);
	close(listener);
}

static void setup(struct bench *b)
{
	int fd;
	memset(b, 0, sizeof(*b));
	assert_int_equal(loop_init(&b->loop), 0);
	tcp_pair(&fd, &b->peer);
	assert_int_equal(conn_open(&b->c, &b->loop, fd, on_ready), 0);
	turn(b);
	assert_true(b->c.writable && !b->c.readable && !b->c.hangup && !b->c.failed);
}

static void teardown(struct bench *b)
{
	conn_close(&b->c);
	conn_close(&b->c);
	conn_reset(&b->c);
	assert_false(conn_is_open(&b->c));
	mem_closep(&b->peer);
	loop_free(&b->loop);
}

static void reading(void **state)
{
	struct bench b;
	char buf[16];
	(void)state;
	setup(&b);
	assert_int_equal(write(b.peer, "0123456789", 10), 10);
	turn(&b);
	assert_true(b.c.readable);
	assert_int_equal(conn_recv(&b.c, buf, 4), 4);
	assert_true(b.c.readable); /* a full read says nothing about what is left */
	assert_int_equal(conn_recv(&b.c, buf, 6), 6);
	assert_true(b.c.readable);
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), -EAGAIN);
	assert_false(b.c.readable);
	assert_int_equal(write(b.peer, "x", 1), 1);
	turn(&b);
	assert_true(b.c.readable);
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), 1);
	assert_false(b.c.readable); /* a short one does */
	teardown(&b);
}

static void end_of_stream(void **state)
{
	struct bench b;
	char buf[16];
	(void)state;
	setup(&b);
	assert_int_equal(write(b.peer, "bye", 3), 3);
	assert_int_equal(shutdown(b.peer, SHUT_WR), 0);
	turn(&b);
	assert_true(b.c.readable && b.c.hangup && !b.c.failed);
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), 3);
	assert_true(b.c.readable); /* no further edge will come */
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), 0);
	struct iovec iov = { (void *)"still", 5 };
	assert_int_equal(conn_writev(&b.c, &iov, 1), 5);
	assert_int_equal(read(b.peer, buf, sizeof(buf)), 5);
	assert_int_equal(conn_shutdown(&b.c), 0);
	assert_int_equal(read(b.peer, buf, sizeof(buf)), 0);
	teardown(&b);
}

static void writing_until_full(void **state)
{
	static char much[1 << 16];
	struct bench b;
	struct iovec iov[2] = { { much, sizeof(much) / 2 }, { much, sizeof(much) / 2 } };
	ssize_t n, sent = 0;
	(void)state;
	setup(&b);
	while ((n = conn_writev(&b.c, iov, 2)) == (ssize_t)sizeof(much))
		sent += n;
	sent += n > 0 ? n : 0;
	assert_true(n == -EAGAIN || n > 0);
	assert_false(b.c.writable);
	turn(&b);
	assert_false(b.c.writable);
	while (sent > 0) {
		n = read(b.peer, much, sizeof(much));
		assert_true(n > 0 || errno == EAGAIN);
		sent -= n > 0 ? n : 0;
		turn(&b);
	}
	assert_true(b.c.writable);
	teardown(&b);
}

static void reset_by_peer(void **state)
{
	struct bench b;
	char buf[4];
	struct iovec iov = { buf, 1 };
	(void)state;
	setup(&b);
	sock_reset(b.peer);
	b.peer = -1;
	turn(&b);
	assert_true(b.c.failed && b.c.hangup && b.c.readable && b.c.writable);
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), -ECONNRESET);
	assert_int_equal(conn_writev(&b.c, &iov, 1), -EPIPE);
	teardown(&b);
}

static void how_it_ends_for_the_peer(void **state)
{
	char buf[4];
	(void)state;
	for (int hard = 0; hard < 2; hard++) {
		struct bench b;
		setup(&b);
		if (hard)
			conn_reset(&b.c);
		else
			conn_close(&b.c);
		assert_false(conn_is_open(&b.c));
		errno = 0;
		assert_int_equal(read(b.peer, buf, sizeof(buf)), hard ? -1 : 0);
		assert_int_equal(errno, hard ? ECONNRESET : 0);
		teardown(&b);
	}
}

static void bad_descriptor(void **state)
{
	struct loop loop;
	struct conn c;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* cannot be watched */
	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(conn_open(&c, &loop, fd, on_ready), -EPERM);
	assert_false(conn_is_open(&c));
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken all the same */
	conn_close(&c);
	loop_free(&loop);
}

/* --- filters
 * --------------------------------------------------------------------------------------------------------------------------
 */

static char trace[64];

static void note(char c)
{
	size_t n = strlen(trace);
	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static ssize_t upper_recv(struct cf *f, struct conn *c, void *p, size_t n)
{
	note('r');
	ssize_t got = f->next->ops->recv(f->next, c, p, n);
	for (ssize_t i = 0; i < got; i++)
		((char *)p)[i] ^= 0x20;
	return got;
}

static ssize_t counting_writev(struct cf *f, struct conn *c, const struct iovec *iov, int niov)
{
	note('w');
	return f->next->ops->writev(f->next, c, iov, niov);
}

static void close_a(struct cf *f, struct conn *c)
{
	(void)f;
	assert_true(conn_is_open(c));
	note('a');
}

static void close_b(struct cf *f, struct conn *c)
{
	(void)f;
	assert_true(conn_is_open(c));
	note('b');
}

static void filters(void **state)
{
	static const struct cf_ops reader = { .name = "reader", .recv = upper_recv, .close = close_a };
	static const struct cf_ops writer = { .name = "writer", .writev = counting_writev, .close = close_b };
	struct bench b;
	char buf[8];
	struct iovec iov = { (void *)"hey", 3 };
	(void)state;
	setup(&b);
	trace[0] = '\0';
	struct cf low = { &reader, b.c.top }, high = { &writer, &low };
	b.c.top = &high;
	assert_int_equal(write(b.peer, "abc", 3), 3);
	turn(&b);
	assert_int_equal(conn_recv(&b.c, buf, sizeof(buf)), 3); /* passes the one above, which does not read */
	assert_memory_equal(buf, "ABC", 3);
	low.next = &b.c.bottom;
	high.next = &b.c.bottom;
	assert_int_equal(conn_writev(&b.c, &iov, 1), 3);
	high.next = &low;
	conn_close(&b.c);
	assert_string_equal(trace, "rwba"); /* from the top */
	teardown(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(end_of_stream),
		cmocka_unit_test(writing_until_full),
		cmocka_unit_test(reset_by_peer),
		cmocka_unit_test(how_it_ends_for_the_peer),
		cmocka_unit_test(bad_descriptor),
		cmocka_unit_test(filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
