/* One interface and the program on it, by a pinned bpf_link: the program outlives the agent and is replaced atomically.
 */
#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include "kern/kern.h"

/* Longer packets than about this (a page, less what drivers need) come in several buffers. */
#define ATTACH_BUFFER_MTU 3498

struct attach {
	char name[IFNAMSIZ];
	uint32_t ifindex;  /* it is attached to; 0: not attached */
	int link;	   /* -1: none */
	const char *mode;  /* "native", "generic", "" */
	char problem[192]; /* why not attached; "" when it is */
};

void attach_init(struct attach *a, const char *name);
/* Adopts the pinned link (swapping its program), replaces a dead one, or makes a new one. 0, or -errno with a->problem
 * set. Does nothing when the program is on and the interface still the same. */
int attach_on(struct attach *a, int prog, enum kern_xdp_mode mode, const char *pin_dir);
/* Closes; unless keep, also takes the program off the interface. */
void attach_off(struct attach *a, bool keep, const char *pin_dir);
