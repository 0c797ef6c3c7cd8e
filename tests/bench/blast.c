/* Small datagrams as fast as one CPU can, and somebody to receive them: the two ends of the packet benchmark.
 *   blast receive ADDRESS PORT                  counts nothing itself (see /proc/net/snmp); sends 'E' datagrams back
 *   blast send ADDRESS PORT FLOWS SECONDS       one socket per flow; each must get its first datagram back before the
 * clock starts The sender hands over bursts that the kernel cuts into datagrams (UDP_SEGMENT): cheap for it, and they
 * arrive as from a network card, many at a time. It prints how many datagrams those were. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH	  32 /* datagrams per receive call */
#define BURST	  64 /* datagrams per send call: a quarter of what a veth's ring holds */
#define SIZE	  18 /* a frame of 60 bytes, the least there is */
#define MAX_FLOWS 16384
#define TRIES	  20

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in sources[BATCH];
static char payloads[BATCH][2048];

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static long number(const char *text)
{
	return strtol(text, NULL, 10);
}

static struct sockaddr_in address(char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[1])) };

	if (inet_pton(AF_INET, argv[0], &sa.sin_addr) != 1)
		die(argv[0]);
	return sa;
}

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ payloads[i], size };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
}

/* Under load it looks in now and then only: the kernel has counted what it could not keep, and a receiver that waits
 * would be woken on another CPU for every datagram, which costs more than everything that is to be measured. */
static void pause_if_busy(int n)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	if (n == BATCH)
		nanosleep(&pause, NULL);
}

static int receive(char **argv)
{
	struct sockaddr_in sa = address(argv);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return die("bind");
	prepare(sizeof(payloads[0]));
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			messages[i].msg_hdr.msg_name = &sources[i];
			messages[i].msg_hdr.msg_namelen = sizeof(sources[i]);
		}
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (n < 0 && errno != EINTR)
			return die("recvmmsg");
		for (int i = 0; i < n; i++)
			if (payloads[i][0] == 'E')
				sendto(fd, payloads[i], messages[i].msg_len, 0, (struct sockaddr *)&sources[i],
				       sizeof(sources[i]));
		pause_if_busy(n);
	}
}

/* The path works in both directions, and what keeps state about the flow has it. */
static void greet(int fd)
{
	char byte[SIZE] = "E";
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int i = 0; i < TRIES; i++) {
		send(fd, byte, sizeof(byte), 0);
		if (poll(&p, 1, 100) == 1 && recv(fd, byte, sizeof(byte), MSG_DONTWAIT) > 0)
			return;
	}
	fprintf(stderr, "no answer\n");
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_flow(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = SIZE;

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return die("connect");
	greet(fd);
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		return die("UDP_SEGMENT");
	return fd;
}

static int blast(char **argv)
{
	static const char burst[BURST * SIZE];
	static int fds[MAX_FLOWS];
	struct sockaddr_in sa = address(argv);
	long flows = number(argv[2]), sent = 0;

	if (flows < 1 || flows > MAX_FLOWS)
		return die("flows");
	for (long i = 0; i < flows; i++)
		fds[i] = open_flow(&sa);
	printf("ready\n");
	fflush(stdout);
	for (double end = now() + (double)number(argv[3]); now() < end;)
		for (int i = 0; i < 16; i++)
			sent += send(fds[sent / BURST % flows], burst, sizeof(burst), 0) > 0 ? BURST : 0;
	printf("%ld\n", sent);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "receive") == 0)
		return receive(argv + 2);
	if (argc == 6 && strcmp(argv[1], "send") == 0)
		return blast(argv + 2);
	return 2;
}
