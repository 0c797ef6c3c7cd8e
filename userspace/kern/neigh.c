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
#include "kern/rtnl.h"

#define NEWS \
	(RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_IFADDR)
#define DRAIN_MAX 256 /* messages per drain; what is left keeps the descriptor readable */

struct neigh {
	struct rtnl *ask;
	struct mnl_socket *news;
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

int neigh_open(struct neigh **ret)
{
	struct neigh *n = mem_zalloc(sizeof(*n));
	int r = rtnl_open(&n->ask);

	if (r == 0)
		r = rtnl_socket(NEWS, SOCK_NONBLOCK, &n->news);
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
	rtnl_close(&(*n)->ask);
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
	char buf[RTNL_REPLY_MAX];
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

static int on_route(const struct nlmsghdr *h, void *data)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct neigh_route *r = data;
	struct nlattr *a;

	r->type = m->rtm_type;
	r->table = m->rtm_table;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			r->ifindex = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_TABLE && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			r->table = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_GATEWAY)
			r->has_gateway = rtnl_get_addr(a, &r->gateway);
		if (mnl_attr_get_type(a) == RTA_PREFSRC)
			r->has_src = rtnl_get_addr(a, &r->src);
	}
	return MNL_CB_STOP;
}

int neigh_route(struct neigh *n, const struct addr *to, uint32_t mark, struct neigh_route *ret)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = rtnl_request(n->ask, buf, RTM_GETROUTE, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = rtnl_family(to);
	m->rtm_dst_len = rtnl_bits(to);
	m->rtm_flags = RTM_F_LOOKUP_TABLE;
	rtnl_put_addr(h, RTA_DST, to);
	if (mark)
		mnl_attr_put_u32(h, RTA_MARK, mark);
	*ret = (struct neigh_route){ 0 };
	return rtnl_ask(n->ask, h, on_route, ret);
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
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = rtnl_request(n->ask, buf, RTM_GETLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_index = (int)ifindex;
	*ret = (struct link){ 0 };
	return rtnl_ask(n->ask, h, on_link, ret);
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
	struct nlmsghdr *h = rtnl_request(n->ask, buf, type, flags);
	struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ndm_family = rtnl_family(ip);
	m->ndm_ifindex = (int)ifindex;
	m->ndm_flags = ntf;
	rtnl_put_addr(h, NDA_DST, ip);
	return h;
}

/* Asks the kernel to use the neighbour as if it had a packet for it: it resolves, or confirms what has gone stale.
 * Needed because packets redirected by XDP never touch the neighbour table. */
static void solicit(struct neigh *n, uint32_t ifindex, const struct addr *ip)
{
	char buf[RTNL_REQUEST_MAX];

	(void)rtnl_ask(n->ask, neigh_request(n, buf, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, ifindex, ip, NTF_USE),
		       NULL, NULL);
}

static int get_mac(struct neigh *n, uint32_t ifindex, const struct addr *ip, uint8_t ret_mac[6])
{
	char buf[RTNL_REQUEST_MAX];
	struct entry e = { 0 };
	int r = rtnl_ask(n->ask, neigh_request(n, buf, RTM_GETNEIGH, 0, ifindex, ip, 0), on_entry, &e);
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
	struct neigh_route route;
	struct link link;
	int r = neigh_route(n, to, 0, &route);

	if (r < 0)
		return r;
	if (route.type == RTN_LOCAL)
		return -EADDRINUSE;
	if (route.type != RTN_UNICAST || !route.ifindex || !route.has_src)
		return -ENETUNREACH;
	r = get_link(n, route.ifindex, &link);
	if (r < 0)
		return r;
	if (!link.ethernet)
		return -ENODEV;
	hop.ifindex = route.ifindex;
	hop.mtu = link.mtu;
	hop.gateway = route.has_gateway;
	memcpy(hop.smac, link.mac, 6);
	hop.src = route.src;
	r = get_mac(n, route.ifindex, route.has_gateway ? &route.gateway : to, hop.dmac);
	if (r == 0)
		*ret = hop;
	return r;
}
