/* The measuring device: packets of one kind, driven into one program, as often as wanted. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum driver {
	DRIVE4, /* from clients, IPv4 */
	DRIVE6,
	LEARN4, /* DRIVE4 that notes where each flow was sent; for rig_sent() and REPLY4 */
	REPLY4, /* the servers' answers to that */
	SOURCE4 /* live frames: the packets of DRIVE4 leave by the interface they are said to have come from */
};

enum floor_kind { FLOOR_TX, FLOOR_IPIP, FLOOR_IP6IP6, FLOOR_NAT, FLOORS };

#define FLAG_SYN 0x02
#define FLAG_ACK 0x10

struct packet {
	uint16_t type; /* 0: IPv4 or IPv6, as the driver has it; else another EtherType with the same bytes behind */
	uint8_t proto;
	uint8_t flags;	 /* TCP */
	const char *dst; /* source addresses are of 198.19.0.0/16 or fd00:ffff::/112 */
	uint16_t sport;	 /* 0: varies between flows */
	uint16_t dport;	 /* 0: varies */
};

struct outcome {
	uint32_t ns; /* of one packet, mean */
	uint32_t verdict;
	int grown; /* bytes that the last packet was longer afterwards */
};

#define RIG_NEW_FLOWS (1u << 31) /* every packet belongs to a flow that was not there before */

/* For programs like this one: either all take frames of several buffers or none does. 0 or -errno. */
int rig_open(int prog);
void rig_close(void);
/* What rig_run will do. flows: a power of two, of the same ones for the same number; ifindex: where packets come in. */
void rig_aim(int prog, enum driver d, const struct packet *p, uint32_t flows, uint32_t ifindex);
void rig_flags(uint8_t flags); /* of the packet aimed with */
struct outcome rig_run(uint32_t packets);
/* Runs every flow once and notes where it went; then `sent` holds the address and port of each, by its number. */
void rig_learn(void);
const struct sent *rig_sent(void);
uint32_t rig_place(uint32_t flow); /* runs this one alone and says where it went */
int rig_floor(enum floor_kind f);  /* program descriptor */
int rig_sink(void);
uint64_t rig_arrived(void); /* at the sink, ever */
/* As rig_run with SOURCE4, but packets go their whole way. Returns the seconds that took. */
double rig_live(uint32_t packets);
