#include "net.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "base/mem.h"

#define FIRST_SERVER 11

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* Without IPv6 by default: what stacks say to each other unasked would be counted with our packets. */
int net_open(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return -errno;
	return write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

void net_name(unsigned n, char out[16])
{
	snprintf(out, 16, "near%u", n);
}

static void print_link(FILE *to, unsigned n)
{
	fprintf(to, "link add near%u type veth peer name peer%u\n", n, n);
}

static void print_rest(FILE *to, unsigned n)
{
	fprintf(to, "link set near%u addrgenmode none up\nlink set peer%u up\n", n, n);
	fprintf(to, "addr add 198.18.%u.1/24 dev near%u\naddr add fd00:%x::1/64 dev near%u nodad\n", n, n, n, n);
	for (unsigned i = 0; i < NET_SERVERS; i++) {
		unsigned host = FIRST_SERVER + i;

		fprintf(to, "neigh add 198.18.%u.%u lladdr 02:00:00:04:%02x:%02x dev near%u nud permanent\n", n, host,
			n, host, n);
		fprintf(to, "neigh add fd00:%x::%x lladdr 02:00:00:06:%02x:%02x dev near%u nud permanent\n", n, host, n,
			host, n);
	}
}

static int allow_ipv6(unsigned n)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/near%u/disable_ipv6", n);
	return write_file(path, "0");
}

static int batch(void (*print)(FILE *to, unsigned n), unsigned n)
{
	FILE *to = popen("ip -batch -", "w");

	if (!to)
		return -errno;
	print(to, n);
	return pclose(to) == 0 ? 0 : -EIO;
}

int net_subnet(unsigned n, uint32_t *ret_index)
{
	char name[16];
	int r;

	net_name(n, name);
	*ret_index = if_nametoindex(name);
	if (*ret_index)
		return 0;
	r = batch(print_link, n);
	if (r == 0)
		r = allow_ipv6(n);
	if (r == 0)
		r = batch(print_rest, n);
	*ret_index = if_nametoindex(name);
	return r;
}

uint32_t net_peer(unsigned n)
{
	char name[16];

	snprintf(name, sizeof(name), "peer%u", n);
	return if_nametoindex(name);
}

struct endpoint net_server(unsigned subnet, int family, unsigned i, uint16_t port)
{
	struct endpoint e = { .port = port };
	char text[ADDR_TEXT_MAX];

	if (family == AF_INET)
		snprintf(text, sizeof(text), "198.18.%u.%u", subnet, FIRST_SERVER + i);
	else
		snprintf(text, sizeof(text), "fd00:%x::%x", subnet, FIRST_SERVER + i);
	(void)addr_parse(str_of(text), &e.addr);
	return e;
}

int net_attach(uint32_t ifindex, int prog)
{
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = XDP_FLAGS_DRV_MODE);
	int link = bpf_link_create(prog, (int)ifindex, BPF_XDP, &o);

	return link < 0 ? link : 0;
}
