/* The socket, sequence numbers, and addresses in attributes. */
#include "kern/rtnl.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "base/mem.h"

struct rtnl {
	struct mnl_socket *s;
	uint32_t seq;
};

int rtnl_socket(unsigned groups, int flags, struct mnl_socket **ret)
{
	struct timeval wait = { .tv_sec = 1 };
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (!s)
		return -errno;
	if (mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		mnl_socket_close(s);
		return r;
	}
	(void)setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	*ret = s;
	return 0;
}

int rtnl_open(struct rtnl **ret)
{
	struct rtnl *n = mem_zalloc(sizeof(*n));
	int r = rtnl_socket(0, 0, &n->s);

	if (r < 0)
		free(n);
	else
		*ret = n;
	return r;
}

void rtnl_close(struct rtnl **r)
{
	if (!*r)
		return;
	mnl_socket_close((*r)->s);
	free(*r);
	*r = NULL;
}

struct nlmsghdr *rtnl_request(struct rtnl *r, char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++r->seq;
	return h;
}

int rtnl_ask(struct rtnl *n, const struct nlmsghdr *h, mnl_cb_t cb, void *data)
{
	char buf[RTNL_REPLY_MAX];
	uint32_t seq = h->nlmsg_seq;
	ssize_t len;
	int r;

	if (mnl_socket_sendto(n->s, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(n->s, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		/* An answer to an earlier request that had timed out: not ours, read on. */
		r = mnl_cb_run(buf, (size_t)len, seq, mnl_socket_get_portid(n->s), cb, data);
	} while (r < 0 && (errno == ESRCH || errno == EPROTO) && ((struct nlmsghdr *)buf)->nlmsg_seq != seq);
	return r < 0 ? -errno : 0;
}

static size_t raw_len(const struct addr *a)
{
	return addr_is_v4(a) ? 4 : 16;
}

uint8_t rtnl_family(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

uint8_t rtnl_bits(const struct addr *a)
{
	return (uint8_t)(raw_len(a) * 8);
}

void rtnl_put_addr(struct nlmsghdr *h, uint16_t attr, const struct addr *a)
{
	mnl_attr_put(h, attr, raw_len(a), a->b + 16 - raw_len(a));
}

bool rtnl_get_addr(const struct nlattr *a, struct addr *ret)
{
	size_t n = mnl_attr_get_payload_len(a);

	if (n != 4 && n != 16)
		return false;
	*ret = addr_any4;
	memcpy(ret->b + 16 - n, mnl_attr_get_payload(a), n);
	return true;
}
