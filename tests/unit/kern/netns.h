/* A network namespace of the test's own, and what is in it. Needs root and iproute2. */
#pragma once
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "kern/probe_route.h"

/* Runs a command line that must succeed. A busybox shell would take its own ip, which knows little. */
static inline void shell(const char *line)
{
	char text[512];

	snprintf(text, sizeof(text), "ip() { /bin/ip \"$@\"; }; %s", line);
	if (system(text) != 0)
		fail_msg("failed: %s", line);
}

/* False: cannot be had. */
static inline bool netns_enter(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		return false;
	shell("ip link set lo up");
	return true;
}

struct netns_count {
	uint8_t protocol;
	uint32_t table;
	unsigned rules, detours, refusals;
};

static int netns_count_one(const struct nlmsghdr *h, void *data)
{
	struct netns_count *c = data;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h); /* struct fib_rule_hdr begins alike */
	uint32_t table = m->rtm_table;
	uint8_t protocol = m->rtm_protocol;
	bool encap = false;
	struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == RTA_TABLE) /* = FRA_TABLE */
			table = mnl_attr_get_u32(a);
		if (h->nlmsg_type == RTM_NEWRULE && mnl_attr_get_type(a) == FRA_PROTOCOL)
			protocol = mnl_attr_get_u8(a);
		encap |= h->nlmsg_type == RTM_NEWROUTE && mnl_attr_get_type(a) == RTA_ENCAP_TYPE;
	}
	if (table != c->table || protocol != c->protocol)
		return MNL_CB_OK;
	if (h->nlmsg_type == RTM_NEWRULE)
		c->rules++;
	else if (encap)
		c->detours++;
	else if (m->rtm_type == RTN_UNREACHABLE)
		c->refusals++;
	return MNL_CB_OK;
}

static inline void netns_dump(uint16_t type, uint8_t family, struct netns_count *c)
{
	struct mnl_socket *s;
	char buf[RTNL_REPLY_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *m;
	ssize_t n;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = family;
	assert_int_equal(rtnl_socket(0, 0, &s), 0);
	assert_true(mnl_socket_sendto(s, h, h->nlmsg_len) > 0);
	do
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	while (n > 0 && mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(s), netns_count_one, c) > MNL_CB_STOP);
	assert_true(n > 0);
	mnl_socket_close(s);
}

/* Rules and routes of one family with this table and protocol number. */
static inline struct netns_count netns_count(uint8_t family, uint32_t table, uint8_t protocol)
{
	struct netns_count c = { .protocol = protocol, .table = table };

	netns_dump(RTM_GETRULE, family, &c);
	netns_dump(RTM_GETROUTE, family, &c);
	return c;
}
