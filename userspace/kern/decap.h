/* The other end of the forwarding modes ipip and gue: a program on a backend's interface that takes the outer headers
 * off, so that the host needs no tunnel device. Independent of the kernel tier's maps; nothing runs afterwards, the
 * program stays until it is unloaded. Any thread. */
#pragma once
#include <stddef.h>
#include "base/addr.h"
#include "base/err.h"
#include "kern/kern.h"

/* Puts the program on the interface and lets it open packets for exactly these addresses (at most DECAP_VIPS_MAX,
 * IPv4). pin_path is a directory below a BPF file system, not the kernel tier's. What an earlier call left there is
 * replaced in one step, so changing the addresses loses no packet. 0, or -errno with errors added and nothing changed:
 * -EINVAL for no address, one that is not IPv4 or too many. */
#define DECAP_VIPS_MAX 1024
int decap_load(const char *ifname, enum kern_xdp_mode mode, const char *pin_path, const struct addr *vips, size_t n,
	       struct err_list *errs);
/* Takes the program off the interface and removes its pins; the directory goes when nothing else is in it. -ENOENT with
 * an error added: there is none. */
int decap_unload(const char *ifname, const char *pin_path, struct err_list *errs);
