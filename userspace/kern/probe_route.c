/* Messages for rules and routes. The order of steps: a marked packet that found no program would take the main table,
 * out to the network and maybe back to our VIP, and a check could pass by another backend. So the table is complete,
 * with a last route that refuses, before the rule is there, and the rule goes first. */
#include "kern/probe_route.h"
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include "lb/probe.h"

#define HEADROOM      48 /* the largest outer header: IPv6 and UDP; the stack takes it off the MTU */
#define METRIC_DETOUR 1
#define METRIC_REFUSE 0xfffffff0u /* after any other */
#define LEFT_MAX      64	  /* removals of one kind; an end if the kernel does not say that none is left */

static uint8_t family(bool six)
{
	return six ? AF_INET6 : AF_INET;
}

static struct nlmsghdr *route_request(struct rtnl *r, char *buf, uint16_t type, uint16_t flags,
				      const struct kern_probe *p, bool six)
{
	struct nlmsghdr *h = rtnl_request(r, buf, type, NLM_F_ACK | flags);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = family(six);
	m->rtm_protocol = PROBE_ROUTE_PROTOCOL;
	m->rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(h, RTA_TABLE, p->table);
	return h;
}

static int put_refusal(struct rtnl *r, const struct kern_probe *p, bool six)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = route_request(r, buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, p, six);
	struct rtmsg *m = mnl_nlmsg_get_payload(h);

	m->rtm_type = RTN_UNREACHABLE;
	mnl_attr_put_u32(h, RTA_PRIORITY, METRIC_REFUSE);
	return rtnl_ask(r, h, NULL, NULL);
}

static int put_detour(struct rtnl *r, const struct kern_probe *p, bool six, uint32_t ifindex, int prog_fd)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = route_request(r, buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, p, six);
	struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct nlattr *encap, *xmit;

	m->rtm_type = RTN_UNICAST;
	m->rtm_scope = RT_SCOPE_LINK;
	mnl_attr_put_u32(h, RTA_PRIORITY, METRIC_DETOUR);
	mnl_attr_put_u32(h, RTA_OIF, ifindex);
	mnl_attr_put_u16(h, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_BPF);
	encap = mnl_attr_nest_start(h, RTA_ENCAP);
	xmit = mnl_attr_nest_start(h, LWT_BPF_XMIT);
	mnl_attr_put_u32(h, LWT_BPF_PROG_FD, (uint32_t)prog_fd);
	mnl_attr_put_strz(h, LWT_BPF_PROG_NAME, "sluice_probe");
	mnl_attr_nest_end(h, xmit);
	mnl_attr_put_u32(h, LWT_BPF_XMIT_HEADROOM, HEADROOM);
	mnl_attr_nest_end(h, encap);
	return rtnl_ask(r, h, NULL, NULL);
}

static struct nlmsghdr *rule_request(struct rtnl *r, char *buf, uint16_t type, uint16_t flags, bool six)
{
	struct nlmsghdr *h = rtnl_request(r, buf, type, NLM_F_ACK | flags);
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->family = family(six);
	m->action = FR_ACT_TO_TBL;
	mnl_attr_put_u8(h, FRA_PROTOCOL, PROBE_ROUTE_PROTOCOL);
	return h;
}

static void put_mark(struct nlmsghdr *h, const struct kern_probe *p)
{
	mnl_attr_put_u32(h, FRA_FWMARK, p->mark);
	mnl_attr_put_u32(h, FRA_FWMASK, LB_PROBE_MASK);
}

static int put_rule(struct rtnl *r, const struct kern_probe *p, bool six)
{
	char buf[RTNL_REQUEST_MAX];
	struct nlmsghdr *h = rule_request(r, buf, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, six);
	int err;

	put_mark(h, p);
	mnl_attr_put_u32(h, FRA_TABLE, p->table);
	mnl_attr_put_u32(h, FRA_PRIORITY, p->priority);
	err = rtnl_ask(r, h, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int probe_route_put(struct rtnl *r, const struct kern_probe *p, bool six, uint32_t ifindex, int prog_fd)
{
	int err = put_refusal(r, p, six);

	if (err == 0)
		err = put_detour(r, p, six, ifindex, prog_fd);
	if (err == 0)
		err = put_rule(r, p, six);
	return err;
}

/* Each removal takes the first that fits. */
static void remove_rules(struct rtnl *r, const struct kern_probe *p, bool six, bool by_mark)
{
	for (int i = 0; i < LEFT_MAX; i++) {
		char buf[RTNL_REQUEST_MAX];
		struct nlmsghdr *h = rule_request(r, buf, RTM_DELRULE, 0, six);

		if (by_mark)
			put_mark(h, p);
		else
			mnl_attr_put_u32(h, FRA_TABLE, p->table);
		if (rtnl_ask(r, h, NULL, NULL) < 0)
			return;
	}
}

static void remove_routes(struct rtnl *r, const struct kern_probe *p, bool six)
{
	for (int i = 0; i < LEFT_MAX; i++) {
		char buf[RTNL_REQUEST_MAX];

		if (rtnl_ask(r, route_request(r, buf, RTM_DELROUTE, 0, p, six), NULL, NULL) < 0)
			return;
	}
}

void probe_route_remove(struct rtnl *r, const struct kern_probe *p)
{
	for (int six = 0; six <= 1; six++) {
		remove_rules(r, p, six, true);
		remove_rules(r, p, six, false);
		remove_routes(r, p, six);
	}
}
