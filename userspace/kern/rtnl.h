/* Asking the kernel's routing netlink, one question at a time (libmnl). It answers at once, never by the network. */
#pragma once
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

#define RTNL_REPLY_MAX	 32768
#define RTNL_REQUEST_MAX 512

struct rtnl;

/* 0 or -errno. */
int rtnl_open(struct rtnl **ret);
void rtnl_close(struct rtnl **r);
/* A socket on its own, bound to these groups. */
int rtnl_socket(unsigned groups, int flags, struct mnl_socket **ret);
/* Begins a request in buf, of RTNL_REQUEST_MAX bytes. */
struct nlmsghdr *rtnl_request(struct rtnl *r, char *buf, uint16_t type, uint16_t flags);
/* Sends it and hands its one answer to cb (NULL: only the acknowledgement counts). 0, or -errno as the kernel says. */
int rtnl_ask(struct rtnl *r, const struct nlmsghdr *h, mnl_cb_t cb, void *data);

/* The kernel's form of an address: 4 bytes or 16. */
uint8_t rtnl_family(const struct addr *a);
uint8_t rtnl_bits(const struct addr *a);
void rtnl_put_addr(struct nlmsghdr *h, uint16_t attr, const struct addr *a);
/* False: neither an IPv4 nor an IPv6 address. */
bool rtnl_get_addr(const struct nlattr *a, struct addr *ret);
