/* Next hops by netlink. Two sockets: one asks, one listens for changes. */
#include "kern/neigh.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/mem.h"

#define REPLY_MAX 32768
#define NEWS \
	(RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFADDR)
#define DRAIN_MAX 256 /* messages per drain; what is left keeps the descriptor readable */

struct neigh {
	struct mnl_socket *ask, *news;
	uint32_t seq;
};

struct route {
	uint32_t oif;
	uint8_t type;
	bool has_gateway, has_src;
	struct addr gateway, src;
};

struct link {
	bool ethernet;
	uint8_t mac[6];
	uint32_t mtu;
};

struct entry {
	uint16_t state;
	bool has_mac;
	uint8_t mac[6];
};

static int open_socket(struct mnl_socket **ret, unsigned groups, int flags)
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

int neigh_open(struct neigh **ret)
{
	struct neigh *n = mem_zalloc(sizeof(*n));
	int r = open_socket(&n->ask, 0, 0);

	if (r == 0)
		r = open_socket(&n->news, NEWS, SOCK_NONBLOCK);
	if (r < 0) {
		neigh_close(&n);
		return r;
	}
	*ret = n;
	return 0;
}

void neigh_close(struct neigh **n)
{
	if (!*n)
		return;
	if ((*n)->ask)
		mnl_socket_close((*n)->ask);
	if ((*n)->news)
		mnl_socket_close((*n)->news);
	free(*n);
	*n = NULL;
}

int neigh_fd(const struct neigh *n)
{
	return mnl_socket_get_fd(n->news);
}

bool neigh_drain(struct neigh *n)
{
	char buf[REPLY_MAX];
	bool any = false;

	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t r = mnl_socket_recvfrom(n->news, buf, sizeof(buf));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno != ENOBUFS)
			break;
		any = true;
	}
	return any;
}

static struct nlmsghdr *request(struct neigh *n, char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++n->seq;
	return h;
}

/* Sends the request and hands its one answer to cb (NULL: only the acknowledgement counts). */
static int transact(struct neigh *n, struct nlmsghdr *h, mnl_cb_t cb, void *data)
{
	char buf[REPLY_MAX];
	uint32_t seq = h->nlmsg_seq;
	ssize_t len;
	int r;

	if (mnl_socket_sendto(n->ask, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(n->ask, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		/* An answer to an earlier request that had timed out: not ours, read on. */
		r = mnl_cb_run(buf, len, seq, mnl_socket_get_portid(n->ask), cb, data);
	} while (r < 0 && (errno == ESRCH || errno == EPROTO) && ((struct nlmsghdr *)buf)->nlmsg_seq != seq);
	return r < 0 ? -errno : 0;
}

/* The kernel's form of an address: 4 bytes or 16. */
static size_t raw_len(const struct addr *a)
{
	return addr_is_v4(a) ? 4 : 16;
}

static const uint8_t *raw(const struct addr *a)
{
	return a->b + 16 - raw_len(a);
}

static uint8_t family(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

/* False: neither an IPv4 nor an IPv6 address. */
static bool get_addr(const struct nlattr *a, struct addr *ret)
{
	size_t n = mnl_attr_get_payload_len(a);

	if (n != 4 && n != 16)
		return false;
	*ret = addr_any4;
	memcpy(ret->b + 16 - n, mnl_attr_get_payload(a), n);
	return true;
}

static int on_route(const struct nlmsghdr *h, void *data)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct route *r = data;
	struct nlattr *a;

	r->type = m->rtm_type;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			r->oif = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_GATEWAY)
			r->has_gateway = get_addr(a, &r->gateway);
		if (mnl_attr_get_type(a) == RTA_PREFSRC)
			r->has_src = get_addr(a, &r->src);
	}
	return MNL_CB_STOP;
}

static int get_route(struct neigh *n, const struct addr *to, struct route *ret)
{
	char buf[256];
	struct nlmsghdr *h = request(n, buf, RTM_GETROUTE, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = family(to);
	m->rtm_dst_len = (uint8_t)(raw_len(to) * 8);
	mnl_attr_put(h, RTA_DST, raw_len(to), raw(to));
	*ret = (struct route){ 0 };
	return transact(n, h, on_route, ret);
}

static int on_link(const struct nlmsghdr *h, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct link *l = data;
	struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == IFLA_MTU && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			l->mtu = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == IFLA_ADDRESS && mnl_attr_get_payload_len(a) == 6) {
			memcpy(l->mac, mnl_attr_get_payload(a), 6);
			l->ethernet = m->ifi_type == ARPHRD_ETHER;
		}
	}
	return MNL_CB_STOP;
}

static int get_link(struct neigh *n, uint32_t ifindex, struct link *ret)
{
	char buf[256];
	struct nlmsghdr *h = request(n, buf, RTM_GETLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = (int)ifindex;
	*ret = (struct link){ 0 };
	return transact(n, h, on_link, ret);
}

static int on_entry(const struct nlmsghdr *h, void *data)
{
	const struct ndmsg *m = mnl_nlmsg_get_payload(h);
	struct entry *e = data;
	struct nlattr *a;

	e->state = m->ndm_state;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6) {
			memcpy(e->mac, mnl_attr_get_payload(a), 6);
			e->has_mac = true;
		}
	}
	return MNL_CB_STOP;
}

static struct nlmsghdr *neigh_request(struct neigh *n, char *buf, uint16_t type, uint16_t flags, uint32_t ifindex,
				      const struct addr *ip, uint8_t ntf)
{
	struct nlmsghdr *h = request(n, buf, type, flags);
	struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ndm_family = family(ip);
	m->ndm_ifindex = (int)ifindex;
	m->ndm_flags = ntf;
	mnl_attr_put(h, NDA_DST, raw_len(ip), raw(ip));
	return h;
}

/* Asks the kernel to use the neighbour as if it had a packet for it: it resolves, or confirms what has gone stale.
 * Needed because packets redirected by XDP never touch the neighbour table. */
static void solicit(struct neigh *n, uint32_t ifindex, const struct addr *ip)
{
	char buf[256];

	(void)transact(n, neigh_request(n, buf, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, ifindex, ip, NTF_USE), NULL,
		       NULL);
}

static int get_mac(struct neigh *n, uint32_t ifindex, const struct addr *ip, uint8_t ret_mac[6])
{
	char buf[256];
	struct entry e = { 0 };
	int r = transact(n, neigh_request(n, buf, RTM_GETNEIGH, 0, ifindex, ip, 0), on_entry, &e);
	bool good = r == 0 && e.has_mac &&
		    (e.state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY));

	if (!good || e.state & NUD_STALE)
		solicit(n, ifindex, ip);
	if (!good)
		return -EAGAIN;
	memcpy(ret_mac, e.mac, 6);
	return 0;
}

int neigh_lookup(struct neigh *n, const struct addr *to, struct neigh_hop *ret)
{
	struct neigh_hop hop = { 0 };
	struct route route;
	struct link link;
	int r = get_route(n, to, &route);

	if (r < 0)
		return r;
	if (route.type == RTN_LOCAL)
		return -EADDRINUSE;
	if (route.type != RTN_UNICAST || !route.oif || !route.has_src)
		return -ENETUNREACH;
	r = get_link(n, route.oif, &link);
	if (r < 0)
		return r;
	if (!link.ethernet)
		return -ENODEV;
	hop.ifindex = route.oif;
	hop.mtu = link.mtu;
	hop.gateway = route.has_gateway;
	memcpy(hop.smac, link.mac, 6);
	hop.src = route.src;
	r = get_mac(n, route.oif, route.has_gateway ? &route.gateway : to, hop.dmac);
	if (r == 0)
		*ret = hop;
	return r;
}
