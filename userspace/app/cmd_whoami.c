/* `sluice whoami`: command line and sockets of the demo backend. What it answers is in whoami_http.c and whoami_l4.c.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include "app/cli.h"
#include "app/whoami.h"
#include "base/mem.h"

enum port_kind { PORT_HTTP, PORT_TCP, PORT_UDP };

static const char usage[] = "usage: sluice whoami [--name NAME] [--listen ADDR:PORT]... [--tcp ADDR:PORT]... [--udp "
			    "ADDR:PORT]... [--reuseport]\n"
			    "\n"
			    "A backend for trying things out. Listens on :8081 for HTTP when nothing is given.\n"
			    "  --listen     HTTP/1.1: / says who answered and what arrived (?format=json for JSON, "
			    "?status=N, ?wait=500ms, ?size=BYTES),\n"
			    "               /echo returns the request's body, /chunked?n=N sends N chunks, /health "
			    "says 200 (POST a number to change that)\n"
			    "  --tcp        sends \"NAME address:port\" as the first line, then returns what it gets\n"
			    "  --udp        returns \"NAME \" and the datagram\n"
			    "  --reuseport  lets several processes share the addresses\n";

void whoami_endpoint_text(int fd, bool peer, char out[ENDPOINT_TEXT_MAX])
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint e;
	int r = peer ? getpeername(fd, (struct sockaddr *)&sa, &len) : getsockname(fd, (struct sockaddr *)&sa, &len);

	if (r < 0 || endpoint_from_sockaddr((struct sockaddr *)&sa, &e) < 0) {
		snprintf(out, ENDPOINT_TEXT_MAX, "?");
		return;
	}
	endpoint_print(&e, out);
}

static void port_ready(struct watch *w, uint32_t events)
{
	struct whoami_port *p = container_of(w, struct whoami_port, watch);

	(void)events;
	/* A bounded batch, so that a flood of connections does not starve those already open. */
	for (int i = 0; i < 64; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (p->who->connections >= WHOAMI_MAX_CONNECTIONS) {
			close(fd);
			continue;
		}
		p->accepted(p->who, fd);
	}
}

static int socket_open(const struct endpoint *at, enum port_kind kind, bool reuseport)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(at, &sa);
	int type = kind == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1, off = 0;
	_cleanup_close_ int fd = socket(sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	if (kind != PORT_UDP && listen(fd, 4096) < 0)
		return -errno;
	return take_fd(fd);
}

static int port_open(struct whoami *who, const char *text, enum port_kind kind)
{
	static void (*const accepted[])(struct whoami *, int) = {
		[PORT_HTTP] = whoami_http_accepted,
		[PORT_TCP] = whoami_tcp_accepted,
		[PORT_UDP] = NULL,
	};
	struct whoami_port *p;
	struct endpoint at;
	int fd, r;

	if (endpoint_parse(str_of(text), &at) < 0) {
		fprintf(stderr, "whoami: \"%s\" is not an address like 127.0.0.1:8081, [::1]:8081 or :8081\n", text);
		return -EINVAL;
	}
	fd = socket_open(&at, kind, who->reuseport);
	if (fd < 0) {
		fprintf(stderr, "whoami: cannot listen on %s: %s\n", text, strerror(-fd));
		return fd;
	}
	p = mem_zalloc(sizeof(*p));
	p->who = who;
	p->accepted = accepted[kind];
	p->watch.fd = -1;
	p->watch.ready = kind == PORT_UDP ? whoami_udp_ready : port_ready;
	list_push_back(&who->ports, &p->link);
	loop_add_level(&who->loop, &p->watch, fd, &r);
	return r;
}

static void ports_close(struct whoami *who)
{
	list_each_safe (it, &who->ports) {
		struct whoami_port *p = container_of(it, struct whoami_port, link);
		int fd = p->watch.fd;

		loop_del(&who->loop, &p->watch);
		if (fd >= 0)
			close(fd);
		free(p);
	}
}

struct stopper {
	struct watch watch;
	struct whoami *who;
};

static void stop_ready(struct watch *w, uint32_t events)
{
	(void)events;
	loop_stop(&container_of(w, struct stopper, watch)->who->loop);
}

static int stopper_open(struct stopper *s, struct whoami *who)
{
	sigset_t set;
	int fd, r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*s = (struct stopper){ .watch = { .fd = -1, .ready = stop_ready }, .who = who };
	loop_add_level(&who->loop, &s->watch, fd, &r);
	return r;
}

static const struct option options[] = {
	{ "name", required_argument, NULL, 'n' },
	{ "listen", required_argument, NULL, 'l' },
	{ "tcp", required_argument, NULL, 't' },
	{ "udp", required_argument, NULL, 'u' },
	{ "reuseport", no_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Options that hold for all sockets, wherever they stand on the line. Returns 0, or 1 + the exit status. */
static int parse_general(struct whoami *who, int argc, char **argv)
{
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:l:t:u:rh", options, NULL)) != -1) {
		if (c == 'n')
			who->name = optarg;
		if (c == 'r')
			who->reuseport = true;
		if (c == 'h' || c == '?') {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 1 : 3;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "whoami: what is \"%s\"?\n%s", argv[optind], usage);
	return 3;
}

static int open_ports(struct whoami *who, int argc, char **argv)
{
	int c, r;

	optind = 1;
	while ((c = getopt_long(argc, argv, "n:l:t:u:rh", options, NULL)) != -1) {
		enum port_kind kind = c == 't' ? PORT_TCP : c == 'u' ? PORT_UDP : PORT_HTTP;

		if (c != 'l' && c != 't' && c != 'u')
			continue;
		r = port_open(who, optarg, kind);
		if (r < 0)
			return r;
	}
	return list_empty(&who->ports) ? port_open(who, ":8081", PORT_HTTP) : 0;
}

int cmd_whoami(int argc, char **argv)
{
	struct whoami who = { .health = 200 };
	struct stopper stopper;
	int r;

	list_init(&who.ports);
	if (gethostname(who.hostname, sizeof(who.hostname) - 1) < 0)
		who.hostname[0] = '\0';
	who.name = who.hostname;
	r = parse_general(&who, argc, argv);
	if (r > 0)
		return r - 1;
	r = loop_init(&who.loop);
	if (r < 0) {
		fprintf(stderr, "whoami: %s\n", strerror(-r));
		return 1;
	}
	r = stopper_open(&stopper, &who);
	if (r == 0)
		r = open_ports(&who, argc, argv);
	if (r == 0)
		loop_run(&who.loop);
	ports_close(&who);
	loop_free(&who.loop);
	return r < 0 ? 1 : 0;
}
