/* What the XDP program would do with a packet, told from what is pinned: the walk of bpf/xdp.bpf.c, step by step. The
 * guard is not asked: its lists are not pinned. Works beside a running agent and without one; sees a table that changes
 * meanwhile as it was at explain_open(). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/err.h"
#include "kern/flow.h"
#include "lb/count.h"

struct explain; /* the tables, read once */

enum explain_kind {
	EXPLAIN_BEGINS,	   /* a SYN */
	EXPLAIN_CONTINUES, /* TCP in the middle of a connection */
	EXPLAIN_DATAGRAM,
};

/* How the service was found. */
enum explain_by { EXPLAIN_NO_VIP, EXPLAIN_NO_PORT, EXPLAIN_BY_PORT, EXPLAIN_BY_RANGE };

struct explain_row {
	uint64_t hash;
	uint32_t at;	     /* number of the row */
	uint16_t backend_id; /* LB_ROW_NONE: nobody's */
	bool moved;
	uint16_t past_id;  /* LB_ROW_NONE: whose it was before is not known, or no backend's any more */
	uint32_t past_age; /* seconds since it was that */
};

/* What does not depend on the kind of packet. */
struct explain_flow {
	enum explain_by by;
	bool may_answer; /* it is from a server of ours, or to our own address: it may belong to a flow */
	uint16_t service_id;
	const char *service; /* its name; "" when there is none */
	uint16_t first_port, last_port;
	uint8_t rules; /* LB_RULE_* */
	char rules_text[TABLE_RULES_MAX];
	bool by_client; /* the client's port does not matter */
	uint32_t affinity_s;
	struct explain_row row; /* with affinity that of the client */
	bool known;		/* the flow has an entry: hit */
	struct flow_hit hit;
	bool client_known; /* the client has an entry: client */
	struct flow_hit client;
};

struct explain_verdict {
	enum lb_reason reason;
	uint16_t backend_id; /* LB_ROW_NONE: none */
	bool answer;	     /* it comes from there */
	const char *why;
};

struct explain_server {
	struct endpoint at;
	const char *state, *forwarding;
	bool resolved; /* the next hop is known: what follows */
	uint32_t ifindex;
	uint8_t mac[6];
};

/* 0, or -errno with what to do about it in errs. */
int explain_open(const char *pin_path, struct explain **ret, struct err_list *errs);
void explain_close(struct explain **e);
/* 0 or -errno. */
int explain_look(struct explain *e, uint8_t proto, const struct endpoint *src, const struct endpoint *dst,
		 struct explain_flow *ret);
struct explain_verdict explain_decide(const struct explain *e, const struct explain_flow *f, enum explain_kind kind);
/* False: there is no such backend. */
bool explain_server(const struct explain *e, uint16_t id, struct explain_server *ret);
