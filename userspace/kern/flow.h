/* Reading the pinned flow table, whoever writes it at the moment: each flow once, decoded. What an entry looks like is
 * known here and nowhere else outside the program. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "kern/table.h"
#include "lb/abi.h"

struct flow {
	uint8_t proto;
	struct endpoint client, vip, source, backend; /* source: who the backend sees */
	uint16_t service_id, backend_id;
	const char *state; /* TCP: "opening", "established", "closing", "closed"; UDP: "" */
	uint32_t idle_s;   /* since the client's last packet; about a second coarse */
};

struct flow_fill {
	uint64_t entries, room; /* of the table; a flow has two entries */
	uint64_t flows;
};

/* What a packet with some tuple would find. */
struct flow_hit {
	struct flow flow;
	bool answer;	  /* the tuple is the backend's */
	uint32_t quiet_s; /* since the last packet of either direction */
};

/* How full the table is. 0 or -errno. */
int flow_fill(const char *pin_path, struct flow_fill *ret);
/* Calls fn for each flow until it returns false. Flows that come and go meanwhile may be missed; those of an id's
 * earlier owner are dead and left out. `owners`: the pinned records that entries refer to. 0 or -errno. */
int flow_each(const char *pin_path, const struct table *owners, bool (*fn)(void *ctx, const struct flow *f), void *ctx);
/* For asking for single flows. */
struct flow_search {
	int fd;
	uint32_t buckets, hz;
};

int flow_search_open(const char *pin_path, struct flow_search *ret); /* 0 or -errno; the caller closes fd */
/* The flow that packets with this tuple belong to, or, with LB_FLOW_CLIENT in its protocol, the client's entry. 0,
 * -ENOENT: none, or -errno. */
int flow_find(const struct flow_search *s, const struct table *owners, const struct lb_hash_key *key,
	      const struct lb_tuple *tuple, struct flow_hit *ret);
