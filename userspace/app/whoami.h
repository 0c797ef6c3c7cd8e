/* The demo and test backend behind `sluice whoami`: says who answered and what arrived. Not part of the balancer;
 * single-threaded, bounded memory, no configuration file. */
#pragma once
#include "base/addr.h"
#include "http/date.h"
#include "io/loop.h"

#define WHOAMI_MAX_CONNECTIONS 20000u

struct whoami {
	struct loop loop;
	const char *name;
	char hostname[256];
	bool reuseport;
	int health;	      /* status of GET /health; POST or PUT changes it */
	unsigned connections; /* HTTP and TCP together, at most WHOAMI_MAX_CONNECTIONS */
	struct date_cache date;
	struct list ports; /* listeners, for the end */
};

/* One listening or UDP socket. */
struct whoami_port {
	struct list link;
	struct watch watch;
	struct whoami *who;
	void (*accepted)(struct whoami *who, int fd); /* takes fd; NULL for UDP */
};

/* New connections. Take fd; the connection frees itself when it ends. */
void whoami_http_accepted(struct whoami *who, int fd);
void whoami_tcp_accepted(struct whoami *who, int fd);
/* Level-triggered handler of a UDP socket: answers "NAME " and the datagram. */
void whoami_udp_ready(struct watch *w, uint32_t events);

/* Address of a connected socket's far or near end as text; "?" when it is gone. */
void whoami_endpoint_text(int fd, bool peer, char out[ENDPOINT_TEXT_MAX]);
