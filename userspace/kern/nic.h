/* Facts about a network interface that matter to XDP: asked of the kernel by ioctl and netlink. Any thread. */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* As enum netdev_xdp_act. _SG: frames of several buffers, received and sent by redirection. */
enum { NIC_XDP = 1, NIC_REDIRECT = 2, NIC_XMIT = 4, NIC_RX_SG = 32, NIC_XMIT_SG = 64 };

struct nic {
	char name[IFNAMSIZ];
	uint32_t ifindex, mtu;
	bool up, ethernet;
	char driver[32]; /* "": unknown */
	bool lro, tx_checksum;
	bool knows_features; /* the kernel tells what the driver can (6.3 and later) */
	uint64_t features;   /* NIC_* */
	uint32_t prog;	     /* id of the XDP program on it; 0: none */
	const char *mode;    /* of that: "native", "generic", "offloaded", "" */
};

/* 0; -ENODEV: no such interface; or another -errno. */
int nic_read(const char *name, struct nic *ret);
/* Puts a program that passes everything on the interface for a moment; some drivers pause traffic for it. Only for an
 * interface without a program. 0, or -errno: -EOPNOTSUPP when the driver has no XDP of its own. */
int nic_try(const struct nic *n, bool native);
