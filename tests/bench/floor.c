/* The floor of the HTTP benchmark: a proxy that copies bytes and knows nothing. One thread, edge-triggered epoll, one
 * connection to the server per client connection, one recv and one send per direction of an exchange. What a proxy
 * costs above this is its own doing. floor LISTEN-PORT SERVER-PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536

static int peer[MAX_FD]; /* 0: none */

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)strtol(port, NULL, 10)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.fd = fd };
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void accept_all(int ep, int lfd, const struct sockaddr_in *server)
{
	int down;

	while ((down = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		int up = socket(AF_INET, SOCK_STREAM, 0);

		if (up < 0 || up >= MAX_FD || down >= MAX_FD ||
		    connect(up, (const struct sockaddr *)server, sizeof(*server)) < 0)
			die("connect");
		peer[up] = down;
		peer[down] = up;
		watch(ep, up);
		watch(ep, down);
	}
}

static void end(int fd)
{
	int other = peer[fd];

	peer[fd] = peer[other] = 0;
	close(fd);
	close(other);
}

/* Messages here are far smaller than a socket buffer, so a partial send is an error of the set-up. */
static void copy(int fd)
{
	char buf[16384];
	ssize_t n;

	if (peer[fd] == 0)
		return;
	do {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			end(fd);
			return;
		}
		if (n > 0 && send(peer[fd], buf, n, MSG_NOSIGNAL) != n) {
			end(fd);
			return;
		}
	} while (n == sizeof(buf));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct sockaddr_in at = loopback(argv[1]), server = loopback(argv[2]);
	int lfd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0), on = 1;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = lfd }, events[256];

	setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(lfd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(lfd, 4096) < 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev) < 0)
		die("listen");
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == lfd)
				accept_all(ep, lfd, &server);
			else
				copy(events[i].data.fd);
		}
	}
}
