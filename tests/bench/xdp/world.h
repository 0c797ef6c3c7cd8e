/* Balancers as the agent would run them: opened and configured through userspace/kern/kern.h, each with an interface
 * and maps of its own. What is measured is the program that its link holds. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kern/kern.h"

enum world_id {
	PLAIN,	/* a flow table with room for all flows of all rows: two million */
	NAT,	/* one for 131,072, as for services of that size */
	FULL,	/* one for 65,536, of whose entries no place is free */
	LISTS,	/* as PLAIN, with the guard's prefixes: 100,000 that no packet comes from */
	LIMITS, /* with its limits, which no source reaches */
	GUARD,	/* with both */
	MOVED,	/* one service, of whose rows some have just got another server */
	RING,	/* the same service, and hardly a flow table, so that every flow is placed anew */
	WORLDS
};

/* The balancers' virtual addresses; each has 100 servers of weight 1. */
#define VIP_IPIP   "198.18.255.1" /* TCP and UDP */
#define VIP_GUE	   "198.18.255.2"
#define VIP_DSR	   "198.18.255.3"
#define VIP_SNAT   "198.18.255.4"
#define VIP_FAR	   "198.18.255.5" /* snat; servers behind another interface */
#define VIP_TO_SIX "198.18.255.6" /* ipip to IPv6 servers */
#define VIP_TRACK  "198.18.255.7" /* ipip; every flow is remembered */
#define VIP_SIX	   "fd00:255::1"
#define VIP_PORT   80
#define SNAT_PORT  8080 /* servers' under snat */
#define NO_VIP	   "198.18.255.99"
#define NO_VIP_SIX "fd00:255::99"

struct world {
	struct kern *kern; /* NULL: not open */
	int prog;	   /* descriptor of the XDP program in force */
	uint32_t ifindex;  /* it is attached to; servers are behind the same */
	unsigned subnet;
};

/* What the program counted by reason so far. */
#define TALLY_MAX 96
struct tally {
	struct {
		char reason[32];
		uint64_t n;
	} row[TALLY_MAX];
	size_t n;
};

/* 0; or -errno with the reasons on standard error. */
int world_open(struct world *w, enum world_id id);
void world_close(struct world *w);
void world_tally(const struct world *w, struct tally *ret);
uint64_t tally_of(const struct tally *t, const char *reason);
void world_refresh(const struct world *w); /* what the control loop does once a second */
/* Own address towards its servers. */
void world_source(const struct world *w, char out[ADDR_TEXT_MAX]);
/* Installs the one service of MOVED or RING, with this weight of its first server. 0 or -errno. */
int world_weigh(const struct world *w, uint32_t weight);
