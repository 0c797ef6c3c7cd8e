/* The tables of addresses and ports that the XDP program looks packets up in (lb/service.h), as memory shared with it:
 * an address or port appears, changes and goes by one store each, so that no packet sees half of it. Pure: works on any
 * memory of that form. One writer. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lb/service.h"

struct directory {
	struct lb_address_bucket *addresses;
	struct lb_port_bucket *ports;
	size_t naddresses, nports; /* buckets; powers of two */
};

/* The address's entry, or NULL. */
struct lb_address *directory_find(const struct directory *d, const struct lb_addr *addr);
/* Adds what flags say to what the address is already; a new VIP gets an id below max_ids. The id, or -ENOSPC. */
int directory_add(struct directory *d, const struct lb_addr *addr, uint16_t flags, uint32_t max_ids);
/* The address is what flags say and no more; 0: it goes. */
void directory_set_flags(struct lb_address *entry, uint16_t flags);
/* The port that is found with the address; NULL: none. */
void directory_set_first(struct lb_address *entry, const struct lb_port *port);
/* Maps a port of the VIP to a service, or changes what it is mapped to. 0 or -ENOSPC. */
int directory_set_port(struct directory *d, const struct lb_port *port);
/* The port's entry, or NULL. */
struct lb_port *directory_find_port(const struct directory *d, uint16_t address, __be16 port, uint8_t proto);
void directory_clear_port(struct lb_port *entry);
