/* The server behind every proxy of the HTTP benchmark: one thread, epoll, one canned answer per request head. It does
 * not parse, it only finds the ends of heads, so that it is cheaper than any proxy in front of it. Not an HTTP server:
 * requests with a body break it. backend PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD	  65536
#define MAX_BATCH 64

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Server: canned\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: 62\r\n"
			     "\r\n"
			     "The same sixty-two bytes for everyone, whatever they asked....";
#define ANSWER_SIZE (sizeof(answer) - 1)

static char answers[MAX_BATCH * ANSWER_SIZE];
static unsigned char matched[MAX_FD]; /* how much of CR LF CR LF the last read ended with */

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_on(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static void accept_all(int ep, int lfd)
{
	int fd, on = 1;

	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

		if (fd >= MAX_FD) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		matched[fd] = 0;
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static unsigned count_heads(int fd, const char *p, size_t n)
{
	static const char end[4] = "\r\n\r\n";
	unsigned heads = 0, m = matched[fd];

	for (size_t i = 0; i < n; i++) {
		m = p[i] == end[m] ? m + 1 : p[i] == '\r';
		if (m == 4) {
			heads++;
			m = 0;
		}
	}
	matched[fd] = m;
	return heads;
}

/* A full socket buffer ends the connection: no client here pipelines that deep. */
static void serve(int fd)
{
	char buf[8192];
	ssize_t n;

	do {
		unsigned heads;

		n = recv(fd, buf, sizeof(buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			close(fd);
			return;
		}
		for (heads = n > 0 ? count_heads(fd, buf, n) : 0; heads > 0;) {
			unsigned batch = heads < MAX_BATCH ? heads : MAX_BATCH;

			if (send(fd, answers, batch * ANSWER_SIZE, MSG_NOSIGNAL) != (ssize_t)(batch * ANSWER_SIZE)) {
				close(fd);
				return;
			}
			heads -= batch;
		}
	} while (n == sizeof(buf));
}

int main(int argc, char **argv)
{
	int lfd = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 9001), ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = lfd }, events[256];

	for (unsigned i = 0; i < MAX_BATCH; i++)
		memcpy(answers + i * ANSWER_SIZE, answer, ANSWER_SIZE);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == lfd)
				accept_all(ep, lfd);
			else
				serve(events[i].data.fd);
		}
	}
}
