/* Everything is derived from the table anew, compared with the memory shared with the program, and changed where it
 * differs: first what is added, then what goes. */
#include "kern/sync_directory.h"
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "xdp.skel.h"

/* SHARED: by several services, of which the place could name one only, so that it goes. */
enum { WANTED = 1, SHARED };

/* What is wanted of addresses and ports; parallel to the memory, entry by entry. */
struct wanted {
	struct live *l;
	uint16_t *flags;	  /* of each place in the table of addresses */
	struct lb_port *first;	  /* of each place in the table of addresses */
	uint8_t *port;		  /* of each place in the table of ports: WANTED, or SHARED */
	struct lb_ranges *ranges; /* by address id */
	size_t max_ranges;
	bool dnat;
};

static void *map_table(const struct bpf_map *m, size_t value, size_t *ret_n)
{
	void *at;

	*ret_n = bpf_map__max_entries(m);
	at = mmap(NULL, *ret_n * value, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);
	return at == MAP_FAILED ? NULL : at;
}

int sync_directory_open(struct live *l)
{
	struct directory *d = &l->directory;

	d->addresses = map_table(l->object->maps.addresses, sizeof(*d->addresses), &d->naddresses);
	d->ports = map_table(l->object->maps.ports, sizeof(*d->ports), &d->nports);
	return d->addresses && d->ports ? 0 : -errno;
}

void sync_directory_close(struct live *l)
{
	struct directory *d = &l->directory;

	if (d->addresses)
		munmap(d->addresses, d->naddresses * sizeof(*d->addresses));
	if (d->ports)
		munmap(d->ports, d->nports * sizeof(*d->ports));
	*d = (struct directory){ 0 };
}

/* The address has these flags, whatever else it has. Its id or -errno. */
static int want_address(struct wanted *w, const struct lb_addr *a, uint16_t flags)
{
	struct directory *d = &w->l->directory;
	int id = directory_add(d, a, flags, (uint32_t)w->max_ranges);

	if (id >= 0)
		w->flags[directory_find(d, a) - &d->addresses[0].way[0]] |= flags;
	return id;
}

static int want_range(struct wanted *w, uint16_t address, const struct lb_range *range)
{
	struct lb_ranges *r = &w->ranges[address];

	for (int i = 0; i < LB_RANGES; i++)
		if (!r->range[i].proto) {
			r->range[i] = *range;
			return 0;
		}
	return -E2BIG;
}

/* Of this address, port and protocol; NULL: not in the table. */
static uint8_t *place_of(const struct wanted *w, const struct lb_port *p)
{
	struct directory *d = &w->l->directory;
	const struct lb_port *e = directory_find_port(d, p->address, p->port, p->proto);

	return e ? &w->port[e - &d->ports[0].way[0]] : NULL;
}

static int want_ports(struct wanted *w, uint16_t address, const struct lb_service *s, uint16_t service)
{
	struct directory *d = &w->l->directory;
	struct lb_port *first, p = { .address = address,
				     .port = s->vip.port,
				     .proto = s->vip.proto,
				     .rules = (uint8_t)s->rules,
				     .service = service };
	int r = directory_set_port(d, &p);

	if (r < 0)
		return r;
	*place_of(w, &p) = WANTED;
	first = &w->first[directory_find(d, &s->vip.addr) - &d->addresses[0].way[0]];
	if (!first->proto)
		*first = p;
	return 0;
}

/* Fragments without ports belong to the only service that the protocol has on the address, if it is the only one. */
static int want_any(struct wanted *w, uint16_t address, const struct lb_service *s, uint16_t service)
{
	struct lb_port p = {
		.address = address, .proto = s->vip.proto | LB_PORT_ANY, .rules = (uint8_t)s->rules, .service = service
	};
	uint8_t *place = place_of(w, &p);
	int r;

	if (place && *place) {
		*place = SHARED;
		return 0;
	}
	r = directory_set_port(&w->l->directory, &p);
	if (r == 0)
		*place_of(w, &p) = WANTED;
	return r;
}

static int want_service(struct wanted *w, const struct lb_service *s, uint16_t service)
{
	bool several = s->vip.port != s->vip.last;
	struct lb_range range = { .first = ntohs(s->vip.port),
				  .last = ntohs(s->vip.last),
				  .proto = s->vip.proto,
				  .rules = (uint8_t)s->rules,
				  .service = service };
	uint16_t flags = LB_ADDRESS_VIP | (s->echo ? LB_ADDRESS_ECHO : 0);
	int id = want_address(w, &s->vip.addr, flags), r = 0;

	if (id >= 0)
		r = want_any(w, (uint16_t)id, s, service);
	if (id < 0 || r < 0)
		return id < 0 ? id : r;
	if (!several)
		return want_ports(w, (uint16_t)id, s, service);
	return want_range(w, (uint16_t)id, &range);
}

/* Addresses that answers come to or from; also of retired backends, whose flows may live. */
static int want_backend(struct wanted *w, const struct lb_backend *b)
{
	int r = 0;

	if (!(b->flags & LB_BACKEND_USED))
		return 0;
	if (b->mode == LB_MODE_SNAT && b->sources)
		r = want_address(w, &b->snat, LB_ADDRESS_SOURCE);
	if (r >= 0 && b->mode == LB_MODE_SNAT && b->old_source)
		r = want_address(w, &b->old_snat, LB_ADDRESS_SOURCE);
	if (b->mode == LB_MODE_DNAT) {
		w->dnat = true;
		r = want_address(w, &b->addr, LB_ADDRESS_SERVER);
	}
	return r < 0 ? r : 0;
}

static int want_all(struct wanted *w, const struct table *t)
{
	int r = 0;

	for (uint32_t id = 0; r == 0 && id < t->nbackends; id++)
		r = want_backend(w, &t->backends[id]);
	for (uint32_t id = 0; r == 0 && id < t->nservices; id++)
		if (t->services[id].active)
			r = want_service(w, &t->services[id], (uint16_t)id);
	return r;
}

/* Ranges are written before an address says that it has some, and stay until it no longer does. */
static int put_ranges(struct wanted *w)
{
	struct lb_address *all = &w->l->directory.addresses[0].way[0];
	size_t n = w->l->directory.naddresses * LB_ADDRESS_WAYS;

	for (size_t i = 0; i < n; i++) {
		const struct lb_ranges *r = &w->ranges[all[i].id];
		int rc;

		if (!(w->flags[i] & LB_ADDRESS_VIP) || !r->range[0].proto)
			continue;
		rc = mapio_put(bpf_map__fd(w->l->object->maps.ranges), all[i].id, r);
		if (rc < 0)
			return rc;
		w->flags[i] |= LB_ADDRESS_RANGES;
	}
	return 0;
}

static int put_traits(const struct wanted *w)
{
	struct lb_traits t = { .flags = w->dnat ? LB_TRAIT_DNAT : 0 };

	return mapio_put(bpf_map__fd(w->l->object->maps.traits), 0, &t);
}

/* From here on nothing can fail. */
static void settle_all(struct wanted *w)
{
	struct directory *d = &w->l->directory;
	struct lb_address *addresses = &d->addresses[0].way[0];
	struct lb_port *ports = &d->ports[0].way[0];

	for (size_t i = 0; i < d->naddresses * LB_ADDRESS_WAYS; i++)
		if (memcmp(&addresses[i].first, &w->first[i], sizeof(w->first[i])) != 0)
			directory_set_first(&addresses[i], &w->first[i]);
	for (size_t i = 0; i < d->nports * LB_PORT_WAYS; i++)
		if (ports[i].proto && w->port[i] != WANTED)
			directory_clear_port(&ports[i]);
	for (size_t i = 0; i < d->naddresses * LB_ADDRESS_WAYS; i++)
		if (addresses[i].flags != w->flags[i])
			directory_set_flags(&addresses[i], w->flags[i]);
}

int sync_directory(struct live *l, const struct table *t)
{
	struct wanted w = { .l = l, .max_ranges = bpf_map__max_entries(l->object->maps.ranges) };
	int r;

	w.flags = mem_zalloc(l->directory.naddresses * LB_ADDRESS_WAYS * sizeof(*w.flags));
	w.first = mem_zalloc(l->directory.naddresses * LB_ADDRESS_WAYS * sizeof(*w.first));
	w.port = mem_zalloc(l->directory.nports * LB_PORT_WAYS);
	w.ranges = mem_zalloc(w.max_ranges * sizeof(*w.ranges));
	r = want_all(&w, t);
	if (r == 0)
		r = put_ranges(&w);
	if (r == 0)
		r = put_traits(&w);
	if (r == 0)
		settle_all(&w);
	free(w.flags);
	free(w.first);
	free(w.port);
	free(w.ranges);
	return r;
}
