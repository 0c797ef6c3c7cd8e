/* The network the balancers under test stand in: a namespace of this process's own, and a BPF file system of its own
 * for their pins, so that nothing is left of either however the process ends.
 *
 *     near0 =veth= peer0   198.18.0.1/24, fd00:0::1/64; 100 servers .11 to .110 in each family behind it
 *     near1 =veth= peer1   198.18.1.1/24, fd00:1::1/64; the same
 *     ...
 * Every interface is a subnet with servers that answer nothing: their link-layer addresses are known for good. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define NET_SERVERS 100

int net_open(void);				 /* 0 or -errno */
int net_subnet(unsigned n, uint32_t *ret_index); /* makes near<n> if it is not there; 0 or -errno */
uint32_t net_peer(unsigned n);			 /* ifindex of peer<n> */
void net_name(unsigned n, char out[16]);	 /* "near<n>" */
struct endpoint net_server(unsigned subnet, int family, unsigned i, uint16_t port);
/* Native XDP for as long as this process lives; 0 or -errno. */
int net_attach(uint32_t ifindex, int prog);
