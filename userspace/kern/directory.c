/* Buckets of two choices each. Order of stores matters, since packets are looked up meanwhile. */
#include "kern/directory.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct lb_port) == sizeof(uint64_t), "a port is one store");

static bool same(const struct lb_addr *a, const struct lb_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_free(const struct lb_address *e)
{
	static const struct lb_addr none;

	return same(&e->addr, &none);
}

static void buckets_of(uint64_t hash, size_t n, size_t ret[2])
{
	ret[0] = (uint32_t)hash & (n - 1);
	ret[1] = (uint32_t)(hash >> 32) & (n - 1);
}

struct lb_address *directory_find(const struct directory *d, const struct lb_addr *addr)
{
	size_t at[2];

	buckets_of(lb_address_hash(addr), d->naddresses, at);
	for (int i = 0; i < 2; i++)
		for (int w = 0; w < LB_ADDRESS_WAYS; w++)
			if (same(&d->addresses[at[i]].way[w].addr, addr))
				return &d->addresses[at[i]].way[w];
	return NULL;
}

/* A place in the emptier of the two buckets. */
static struct lb_address *free_address(const struct directory *d, const struct lb_addr *addr)
{
	struct lb_address *best = NULL;
	int most = 0;
	size_t at[2];

	buckets_of(lb_address_hash(addr), d->naddresses, at);
	for (int i = 0; i < 2; i++) {
		struct lb_address *place = NULL;
		int n = 0;

		for (int w = 0; w < LB_ADDRESS_WAYS; w++)
			if (is_free(&d->addresses[at[i]].way[w])) {
				place = &d->addresses[at[i]].way[w];
				n++;
			}
		if (n > most) {
			most = n;
			best = place;
		}
	}
	return best;
}

static int free_id(const struct directory *d, uint32_t max)
{
	uint8_t *used = calloc(max, 1);
	int id = -ENOSPC;

	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < d->naddresses; i++)
		for (int w = 0; w < LB_ADDRESS_WAYS; w++) {
			const struct lb_address *e = &d->addresses[i].way[w];

			if (e->flags & LB_ADDRESS_VIP && e->id < max)
				used[e->id] = 1;
		}
	for (uint32_t i = 0; i < max && id < 0; i++)
		if (!used[i])
			id = (int)i;
	free(used);
	return id;
}

static void store_port(struct lb_port *at, const struct lb_port *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)at, word, __ATOMIC_RELEASE);
}

void directory_set_first(struct lb_address *entry, const struct lb_port *port)
{
	static const struct lb_port none;

	store_port(&entry->first, port ? port : &none);
}

void directory_set_flags(struct lb_address *entry, uint16_t flags)
{
	static const struct lb_addr none;

	__atomic_store_n(&entry->flags, flags, __ATOMIC_RELEASE);
	if (!flags) {
		directory_set_first(entry, NULL);
		entry->addr = none;
	}
}

int directory_add(struct directory *d, const struct lb_addr *addr, uint16_t flags, uint32_t max_ids)
{
	struct lb_address *e = directory_find(d, addr);
	bool known = e && e->flags & LB_ADDRESS_VIP;
	int id = known ? e->id : 0;

	if (!known && flags & LB_ADDRESS_VIP)
		id = free_id(d, max_ids);
	if (id < 0)
		return id;
	if (!e) {
		e = free_address(d, addr);
		if (!e)
			return -ENOSPC;
		e->flags = 0;
		e->addr = *addr;
	}
	e->id = (uint16_t)id;
	directory_set_flags(e, e->flags | flags);
	return id;
}

struct lb_port *directory_find_port(const struct directory *d, uint16_t address, __be16 port, uint8_t proto)
{
	size_t at[2];

	buckets_of(lb_port_hash(address, port, proto), d->nports, at);
	for (int i = 0; i < 2; i++)
		for (int w = 0; w < LB_PORT_WAYS; w++) {
			struct lb_port *p = &d->ports[at[i]].way[w];

			if (p->proto == proto && p->address == address && p->port == port)
				return p;
		}
	return NULL;
}

static struct lb_port *free_port(const struct directory *d, const struct lb_port *p)
{
	struct lb_port *best = NULL;
	int most = 0;
	size_t at[2];

	buckets_of(lb_port_hash(p->address, p->port, p->proto), d->nports, at);
	for (int i = 0; i < 2; i++) {
		struct lb_port *place = NULL;
		int n = 0;

		for (int w = 0; w < LB_PORT_WAYS; w++)
			if (!d->ports[at[i]].way[w].proto) {
				place = &d->ports[at[i]].way[w];
				n++;
			}
		if (n > most) {
			most = n;
			best = place;
		}
	}
	return best;
}

int directory_set_port(struct directory *d, const struct lb_port *port)
{
	struct lb_port *at = directory_find_port(d, port->address, port->port, port->proto);

	if (!at)
		at = free_port(d, port);
	if (!at)
		return -ENOSPC;
	store_port(at, port);
	return 0;
}

void directory_clear_port(struct lb_port *entry)
{
	static const struct lb_port none;

	store_port(entry, &none);
}
