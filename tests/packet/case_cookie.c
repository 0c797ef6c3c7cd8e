/* SYN cookies, with a listener in a network namespace of its own: test runs look for sockets where the caller is. The
 * answers are read field by field, since a cookie cannot be foretold. */
#include <bpf/bpf.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "case.h"
#include "lb/cookie.h"

#define OWN	  "198.18.0.77"
#define OWN6	  "fd00::77"
#define PORT	  8000
#define THRESHOLD 2
#define MSS4	  (65535 - 40) /* of the loopback interface, which test runs arrive at */
#define MSS6	  (65535 - 60)

static int failed;

static void fail(const char *what, const char *why)
{
	printf("FAIL cookie: %s: %s\n", what, why);
	failed++;
}

static void with_cookies(struct xdp_bpf *w)
{
	w->rodata->knob_syn_cookies = THRESHOLD;
	bpf_map__set_max_entries(w->maps.listeners, 16);
}

static void without_cookies(struct xdp_bpf *w)
{
	bpf_map__set_max_entries(w->maps.listeners, 16);
}

static void listener(struct xdp_bpf *w, const char *ip, uint16_t port)
{
	struct lb_listener key = { .addr = { { 0, 0, htonl(0xffff), 0 } }, .port = htons(port) };
	uint32_t one = 1;

	if (inet_pton(AF_INET6, ip, &key.addr) != 1)
		inet_pton(AF_INET, ip, &key.addr.w[3]);
	if (bpf_map_update_elem(bpf_map__fd(w->maps.listeners), &key, &one, BPF_ANY) < 0)
		fail(ip, "the listener cannot be installed");
}

/* The flood begins anew: the next THRESHOLD SYNs are the stack's. */
static void calm(struct xdp_bpf *w)
{
	struct lb_syns cells[1024] = { 0 };
	uint32_t zero = 0;

	bpf_map_update_elem(bpf_map__fd(w->maps.syns), &zero, cells, BPF_ANY);
}

static enum lb_reason send_it(struct xdp_bpf *w, const struct shape *s, struct frame *in, struct frame *out,
			      uint32_t *ret_verdict)
{
	uint64_t before[LB_R_COUNT], after[LB_R_COUNT];

	build(s, in);
	world_reasons(w, before);
	*ret_verdict = run_frame(w, in, out);
	world_reasons(w, after);
	for (int r = 0; r < LB_R_COUNT; r++)
		if (after[r] != before[r])
			return (enum lb_reason)r;
	return LB_R_COUNT;
}

/* It goes to the stack as it came. */
static void passes(struct xdp_bpf *w, const char *what, struct shape s)
{
	struct frame in, out;
	uint32_t verdict;
	enum lb_reason reason = send_it(w, &s, &in, &out, &verdict);

	if (reason != LB_R_not_ours || verdict != XDP_PASS)
		fail(what, "wanted not_ours and XDP_PASS");
	else if (in.n != out.n || memcmp(in.b, out.b, in.n) != 0)
		fail(what, "the packet changed");
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void check_answer(const char *what, const struct shape *s, const struct frame *in, const struct frame *out)
{
	size_t ip = 14u + 4u * s->tags, addr = strchr(s->src, ':') ? 16 : 4, from = ip + (addr == 16 ? 8 : 12);
	size_t l4 = ip + (addr == 16 ? 40 : 20);
	size_t was = l4 + (s->ext ? 8 : 0) + 4u * s->options;
	uint16_t mss = addr == 16 ? MSS6 : MSS4;
	const uint8_t *t = out->b + l4, *syn = in->b + was;
	const uint8_t option[] = { 2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 1, 1, 1, 1 };

	if (out->n != l4 + 28)
		fail(what, "wrong length");
	if (memcmp(out->b, in->b + 6, 6) != 0 || memcmp(out->b + 6, in->b, 6) != 0)
		fail(what, "the MACs are not swapped");
	if (memcmp(out->b + 12, in->b + 12, ip - 12) != 0)
		fail(what, "tags or type changed");
	if (memcmp(out->b + from, in->b + from + addr, addr) != 0 ||
	    memcmp(out->b + from + addr, in->b + from, addr) != 0)
		fail(what, "the addresses are not swapped");
	if (memcmp(t, syn + 2, 2) != 0 || memcmp(t + 2, syn, 2) != 0)
		fail(what, "the ports are not swapped");
	if (get32(t + 8) != get32(syn + 4) + 1 || t[12] != 7 << 4 || t[13] != (F_SYN | F_ACK))
		fail(what, "no SYN-ACK of this SYN");
	if (memcmp(t + 20, option, sizeof(option)) != 0)
		fail(what, "wrong options");
	if (!build_verify(out))
		fail(what, "wrong checksum");
}

/* A cookie comes back once the stack had its share. */
static void answers(struct xdp_bpf *w, const char *what, struct shape s)
{
	struct frame in, out;
	uint32_t verdict;

	calm(w);
	for (int i = 0; i < THRESHOLD; i++)
		passes(w, what, s);
	if (send_it(w, &s, &in, &out, &verdict) != LB_R_cookie_sent)
		fail(what, "no cookie was sent");
	else if (verdict != XDP_TX && verdict != XDP_REDIRECT)
		fail(what, "it does not leave");
	else
		check_answer(what, &s, &in, &out);
}

#define TO(d, p, ...)                       \
	((struct shape){ .proto = 6,        \
			 .src = CLI,        \
			 .dst = d,          \
			 .sport = 4000,     \
			 .dport = p,        \
			 .flags = F_SYN,    \
			 .payload = 0xffff, \
			 __VA_ARGS__ })
#define TO6(d, p, ...)                      \
	((struct shape){ .proto = 6,        \
			 .src = CLI6,       \
			 .dst = d,          \
			 .sport = 4000,     \
			 .dport = p,        \
			 .flags = F_SYN,    \
			 .payload = 0xffff, \
			 __VA_ARGS__ })

static void flooded(struct xdp_bpf *w)
{
	world_reset(w);
	listener(w, OWN, PORT);
	listener(w, OWN6, PORT);
	listener(w, OWN, PORT + 1); /* where nobody listens */
	answers(w, "a bare SYN", TO(OWN, PORT));
	answers(w, "a SYN with options", TO(OWN, PORT, .tcp_options = 5));
	answers(w, "with as many as there can be", TO(OWN, PORT, .tcp_options = 10));
	answers(w, "with IP options", TO(OWN, PORT, .options = 2));
	answers(w, "with data and padding", TO(OWN, PORT, .payload = 100, .pad = 4));
	answers(w, "in a VLAN", TO(OWN, PORT, .tags = 1));
	answers(w, "in two", TO(OWN, PORT, .tags = 2, .tcp_options = 5));
	answers(w, "IPv6", TO6(OWN6, PORT));
	answers(w, "IPv6 with options in two VLANs", TO6(OWN6, PORT, .tcp_options = 5, .tags = 2));
	answers(w, "IPv6 with an extension header", TO6(OWN6, PORT, .ext = "d"));
	for (int i = 0; i < 3 * THRESHOLD; i++) {
		passes(w, "another port", TO(OWN, PORT + 2));
		passes(w, "a port where nobody listens", TO(OWN, PORT + 1));
		passes(w, "another host's address", TO("198.18.0.78", PORT));
		passes(w, "the ACK of a connection", TO(OWN, PORT, .flags = F_ACK));
		passes(w, "a SYN-ACK", TO(OWN, PORT, .flags = F_SYN | F_ACK));
		passes(w, "a datagram", TO(OWN, PORT, .proto = 17));
		passes(w, "a fragment", TO(OWN, PORT, .frag = 0x2000));
	}
}

/* The source towards backends is an address of this host, too. */
static void at_source(struct xdp_bpf *w)
{
	world_reset(w);
	listener(w, SNAT, PORT);
	answers(w, "to a source address", TO(SNAT, PORT));
}

static void off(struct xdp_bpf *w)
{
	world_reset(w);
	listener(w, OWN, PORT);
	for (int i = 0; i < 3 * THRESHOLD; i++)
		passes(w, "knob off", TO(OWN, PORT));
}

/* The kernel makes no cookie while its queue has room. */
static void unwilling(struct xdp_bpf *w)
{
	world_reset(w);
	listener(w, OWN, PORT);
	for (int i = 0; i < 3 * THRESHOLD; i++)
		passes(w, "tcp_syncookies=1", TO(OWN, PORT));
}

static void in_world(void (*tune)(struct xdp_bpf *w), void (*test)(struct xdp_bpf *w))
{
	struct xdp_bpf *w = world_open_with(tune);

	if (!w) {
		fail("world", "the program does not load (V=1 says more)");
		return;
	}
	test(w);
	xdp_bpf__destroy(w);
}

static int listen_everywhere(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)
		fail("world", "cannot listen");
	return fd;
}

static void set_cookies(const char *value)
{
	int fd = open("/proc/sys/net/ipv4/tcp_syncookies", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, 1) != 1)
		fail("world", "net.ipv4.tcp_syncookies cannot be set");
	close(fd);
}

int cookie_run(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (home < 0 || unshare(CLONE_NEWNET) < 0) {
		fail("world", "no network namespace of its own");
		return failed;
	}
	fd = listen_everywhere();
	set_cookies("2");
	in_world(with_cookies, flooded);
	in_world(with_cookies, at_source);
	in_world(without_cookies, off);
	set_cookies("1");
	in_world(with_cookies, unwilling);
	close(fd);
	if (setns(home, CLONE_NEWNET) < 0)
		fail("world", "no way back from the network namespace");
	close(home);
	return failed;
}
