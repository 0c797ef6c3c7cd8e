/* The kernel tier's half of linking: TCP and UDP routers to VIPs, their services to live targets. */
#pragma once
#include "conf/link.h"

struct linker;

/* The servers of one service on their way into a live one. Arrays of n in the revision's arena. */
struct link_servers {
	const char **names;
	struct endpoint *at;
	uint32_t *weights;
	size_t n;
	const struct balance_ops *policy; /* NULL: kernel tier */
	bool pass_host_header, l4;
	struct transport *transport; /* NULL: kernel tier */
	struct service_limits limits;
};

/* From link.c: */
struct link_servers *link_servers_new(struct linker *l, size_t n);
struct service *link_service(struct linker *l, const char *name,
			     const struct link_servers *in);		      /* owned by the snapshot */
struct service *link_carry_over(struct linker *l, const char *name, bool l4); /* NULL when there is none */

/* Fills rev->l4. */
void link_l4(struct linker *l, struct revision *rev, const struct apply *a, struct err_list *errs);
