/* Unit tests of io/sock: listening, connecting, errors, unix sockets. */
#include "io/sock.c"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static struct endpoint ep(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(str_of(text), &e), 0);
	return e;
}

static uint16_t port_of(int fd)
{
	struct endpoint e;

	assert_int_equal(sock_local(fd, &e), 0);
	return e.port;
}

static void assert_flags(int fd)
{
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int get_option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static int accept_one(int listener)
{
	int fd;

	wait_for(listener, POLLIN);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_connects(void **state)
{
	struct endpoint at = ep("127.0.0.1:0");
	int listener, client, server;

	(void)state;
	assert_int_equal(sock_listen(&at, false, 16, &listener), 0);
	assert_flags(listener);
	at.port = port_of(listener);
	assert_int_equal(sock_connect(&at, &client), 0);
	assert_flags(client);
	assert_int_equal(get_option(client, IPPROTO_TCP, TCP_NODELAY), 1);
	server = accept_one(listener);
	wait_for(client, POLLOUT);
	assert_int_equal(sock_error(client), 0);
	close(server);
	close(client);
	close(listener);
}

static void test_dual_stack(void **state)
{
	struct endpoint at = ep(":0"), v4 = ep("127.0.0.1:1"), v6 = ep("[::1]:1");
	int listener, a, b;

	(void)state;
	assert_int_equal(sock_listen(&at, false, 16, &listener), 0);
	v4.port = v6.port = port_of(listener);
	assert_int_equal(sock_connect(&v4, &a), 0);
	close(accept_one(listener));
	close(a);
	assert_int_equal(sock_local(listener, &at), 0);
	if (addr_eq(&at.addr, &addr_any6)) { /* not where IPv6 is switched off */
		assert_int_equal(sock_connect(&v6, &b), 0);
		close(accept_one(listener));
		close(b);
	}
	close(listener);
}

static void test_refused(void **state)
{
	struct endpoint at = ep("127.0.0.1:0");
	int listener, client;

	(void)state;
	assert_int_equal(sock_listen(&at, false, 16, &listener), 0);
	at.port = port_of(listener);
	close(listener);
	if (sock_connect(&at, &client) == 0) {
		wait_for(client, POLLOUT);
		assert_int_equal(sock_error(client), -ECONNREFUSED);
		assert_int_equal(sock_error(client), 0); /* told once */
		close(client);
	}
	assert_int_equal(sock_error(-1), -EBADF);
}

static void test_address_in_use_and_reuseport(void **state)
{
	struct endpoint at = ep("127.0.0.1:0");
	int a, b = -7, c;

	(void)state;
	assert_int_equal(sock_listen(&at, true, 16, &a), 0);
	at.port = port_of(a);
	assert_int_equal(sock_listen(&at, false, 16, &b), -EADDRINUSE);
	assert_int_equal(b, -7);
	assert_int_equal(sock_listen(&at, true, 16, &c), 0);
	close(a);
	close(c);
}

static void test_foreign_address(void **state)
{
	struct endpoint at = ep("198.51.100.7:0");
	int fd;

	(void)state;
	assert_int_equal(sock_listen(&at, false, 16, &fd), -EADDRNOTAVAIL);
}

static void test_reset_is_seen(void **state)
{
	struct endpoint at = ep("127.0.0.1:0");
	int listener, client;
	char c;

	(void)state;
	assert_int_equal(sock_listen(&at, false, 16, &listener), 0);
	at.port = port_of(listener);
	assert_int_equal(sock_connect(&at, &client), 0);
	sock_reset(accept_one(listener));
	wait_for(client, POLLIN);
	assert_int_equal(read(client, &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(client);
	close(listener);
}

static char dir[] = "/tmp/sock_test_XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static mode_t mode_of(const char *p)
{
	struct stat st;

	assert_int_equal(lstat(p, &st), 0);
	return st.st_mode & 07777;
}

static void test_unix(void **state)
{
	mode_t old = umask(077);
	int a, b;

	(void)state;
	assert_int_equal(sock_unix_listen(path, 0660, &a), 0);
	umask(old);
	assert_flags(a);
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(sock_unix_listen(path, 0600, &b), -EADDRINUSE); /* somebody answers */
	close(a);
	assert_int_equal(sock_unix_listen(path, 0600, &b), 0); /* nobody does any more */
	assert_int_equal(mode_of(path), 0600);
	close(b);
	unlink(path);
}

static void test_unix_refusals(void **state)
{
	char longer[200];
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	close(fd);
	assert_int_equal(sock_unix_listen(path, 0600, &fd), -EADDRINUSE); /* a file, not a socket */
	assert_int_equal(mode_of(path), 0600);
	unlink(path);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(sock_unix_listen(longer, 0600, &fd), -ENAMETOOLONG);
	assert_int_equal(sock_unix_listen("", 0600, &fd), -EINVAL);
	assert_int_equal(sock_unix_listen("/nonexistent/s", 0600, &fd), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_dual_stack),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_address_in_use_and_reuseport),
		cmocka_unit_test(test_foreign_address),
		cmocka_unit_test(test_reset_is_seen),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_unix_refusals),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
