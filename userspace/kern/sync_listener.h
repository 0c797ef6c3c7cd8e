/* Tells the program where this host itself accepts connections, for SYN cookies. Control thread only. */
#pragma once
#include "kern/live.h"

struct xdp_bpf;

/* Before the load: the knob and the size of the map. 0 or -errno. */
int listener_configure(struct xdp_bpf *o, const struct kern_guard *g);
/* Brings the map `listeners` to what the configuration says and the addresses that this host has now. 0 or -errno. */
int sync_listener(struct live *l);
/* False: the kernel of this network namespace makes no cookie unless a listener's queue is full. */
bool listener_cookies_ready(void);
