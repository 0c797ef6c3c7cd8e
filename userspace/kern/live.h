/* The live kernel tier: what open.c builds and the other files of this room work on. Control thread only. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "kern/attach.h"
#include "kern/directory.h"
#include "kern/kern.h"
#include "kern/neigh.h"
#include "kern/table.h"

struct live {
	struct kern kern;
	char *pin_path;
	int lock_fd;
	enum kern_xdp_mode mode;
	uint32_t maglev_size;
	struct xdp_bpf *object;
	struct neigh *neigh;
	struct kern_probe probe;
	struct probe_path *probes; /* NULL while no check asks for it */
	struct table table; /* equals the maps `services` and `backends` */
	struct directory directory;
	uint64_t *rows_of; /* per service id: fingerprint of the installed Maglev table; 0: none known */
	uint32_t *moved;   /* per service id: rows that remember what they were */
	struct settle *settle;
	bool track_udp; /* UDP sessions are limited, so they have to be known */
	struct attach *attach;
	size_t nattach;
	uint64_t resolved_ns;	    /* when every hop was last looked up */
	uint64_t settled_ns;	    /* when moved rows were last seen to */
	size_t nallow, ndeny;	    /* prefixes in force */
	struct endpoint *listeners; /* as in struct kern_conf */
	size_t nlisteners;
	uint32_t listener_round; /* of sync_listener; what the map's entries of today have as value */
	bool unresolved;	 /* a backend waits for its next hop */
};
