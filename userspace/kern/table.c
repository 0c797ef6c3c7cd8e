/* Id bookkeeping. Linear searches: at most some thousand records, once per configuration change. */
#include "kern/table.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

_Static_assert(sizeof(struct addr) == sizeof(struct lb_addr), "one address format");

void table_init(struct table *t, uint32_t nservices, uint32_t nbackends)
{
	t->nservices = nservices;
	t->nbackends = nbackends;
	t->services = mem_zalloc(nservices * sizeof(*t->services));
	t->backends = mem_zalloc(nbackends * sizeof(*t->backends));
}

void table_free(struct table *t)
{
	free(t->services);
	free(t->backends);
	*t = (struct table){ 0 };
}

void table_copy(struct table *to, const struct table *from)
{
	table_init(to, from->nservices, from->nbackends);
	memcpy(to->services, from->services, from->nservices * sizeof(*to->services));
	memcpy(to->backends, from->backends, from->nbackends * sizeof(*to->backends));
}

struct lb_addr table_addr(const struct addr *a)
{
	struct lb_addr out;

	memcpy(&out, a, sizeof(out));
	return out;
}

struct lb_vip_key table_vip(const struct endpoint *at, uint16_t last, uint8_t proto)
{
	return (struct lb_vip_key){ .addr = table_addr(&at->addr),
				    .port = htons(at->port),
				    .last = htons(last ? last : at->port),
				    .proto = proto };
}

struct endpoint table_endpoint(const struct lb_backend *b)
{
	struct endpoint at = { .port = ntohs(b->port) };

	memcpy(&at.addr, &b->addr, sizeof(at.addr));
	return at;
}

static bool service_is(const struct lb_service *s, const char *name, const struct lb_vip_key *vip)
{
	return strncmp(s->name, name, sizeof(s->name)) == 0 && memcmp(&s->vip, vip, sizeof(*vip)) == 0;
}

/* The record for a new owner: never used, else longest retired, else -ENOSPC. */
static int free_service(const struct table *t)
{
	int best = -ENOSPC;

	for (uint32_t i = 0; i < t->nservices; i++) {
		const struct lb_service *s = &t->services[i];

		if (!s->name[0])
			return (int)i;
		if (!s->active && (best < 0 || s->retired < t->services[best].retired))
			best = (int)i;
	}
	return best;
}

/* A service id that changes hands takes nothing along: its former backends are nobody's now. */
static void orphan_backends(struct table *t, uint32_t service)
{
	for (uint32_t i = 0; i < t->nbackends; i++)
		if (t->backends[i].service == service)
			t->backends[i].flags = 0;
}

int table_take_service(struct table *t, const char *name, const struct lb_vip_key *vip, bool *ret_new)
{
	struct lb_service *s;
	int id;

	for (uint32_t i = 0; i < t->nservices; i++) {
		if (!service_is(&t->services[i], name, vip))
			continue;
		t->services[i].active = 1;
		t->services[i].retired = 0;
		*ret_new = false;
		return (int)i;
	}
	id = free_service(t);
	if (id < 0)
		return id;
	orphan_backends(t, (uint32_t)id);
	s = &t->services[id];
	*s = (struct lb_service){ .vip = *vip, .active = 1 };
	strncpy(s->name, name, sizeof(s->name) - 1);
	*ret_new = true;
	return id;
}

static bool backend_is(const struct lb_backend *b, uint32_t service, const struct lb_addr *addr, uint16_t port,
		       uint8_t mode)
{
	return b->flags & LB_BACKEND_USED && b->service == service && b->port == port && b->mode == mode &&
	       memcmp(&b->addr, addr, sizeof(*addr)) == 0;
}

static int free_backend(const struct table *t)
{
	int best = -ENOSPC;

	for (uint32_t i = 0; i < t->nbackends; i++) {
		const struct lb_backend *b = &t->backends[i];

		if (!(b->flags & LB_BACKEND_USED))
			return (int)i;
		if (b->retired && (best < 0 || b->retired < t->backends[best].retired))
			best = (int)i;
	}
	return best;
}

int table_take_backend(struct table *t, uint32_t service, const struct endpoint *at, uint8_t mode, bool *ret_new)
{
	struct lb_addr addr = table_addr(&at->addr);
	uint16_t port = htons(at->port);
	int id;

	for (uint32_t i = 0; i < t->nbackends; i++) {
		if (!backend_is(&t->backends[i], service, &addr, port, mode))
			continue;
		t->backends[i].retired = 0;
		*ret_new = false;
		return (int)i;
	}
	id = free_backend(t);
	if (id < 0)
		return id;
	t->backends[id] = (struct lb_backend){
		.addr = addr,
		.vip = t->services[service].vip.addr,
		.port = port,
		.service = (uint16_t)service,
		.gen = (uint16_t)(t->backends[id].gen + 1),
		.flags = LB_BACKEND_USED,
		.mode = mode,
	};
	*ret_new = true;
	return id;
}

void table_set_source(struct lb_backend *b, const struct lb_addr *source)
{
	struct lb_addr was = b->snat;
	uint8_t number = b->source;

	if (b->sources && memcmp(&was, source, sizeof(was)) == 0)
		return;
	if (b->old_source && memcmp(&b->old_snat, source, sizeof(was)) == 0)
		b->source = b->old_source;
	else
		b->source = ++b->sources ?: ++b->sources; /* 0 is nobody's */
	b->snat = *source;
	b->old_snat = was;
	b->old_source = number;
}

void table_retire_service(struct table *t, uint32_t id, uint64_t now_ns)
{
	t->services[id].active = 0;
	t->services[id].retired = now_ns;
}

void table_retire_backend(struct table *t, uint32_t id, uint64_t now_ns)
{
	t->backends[id].flags &= (uint16_t)~LB_BACKEND_UP;
	t->backends[id].retired = now_ns;
}

const char *table_state(const struct lb_backend *b)
{
	if (b->retired)
		return "retired";
	return b->flags & LB_BACKEND_UP ? "up" : "down";
}

const char *table_mode(const struct lb_backend *b)
{
	static const char *const names[] = { "snat", "dnat", "dsr", "ipip", "gue" }; /* LB_MODE_* */

	return b->mode < ARRAY_LEN(names) ? names[b->mode] : "unknown";
}

void table_rules(uint32_t rules, char out[TABLE_RULES_MAX])
{
	static const char *const names[] = { "track", "affinity", "quic" }; /* LB_RULE_*, bit by bit */
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (rules >> i & 1)
			n += (size_t)snprintf(out + n, TABLE_RULES_MAX - n, "%s%s", n ? " " : "", names[i]);
}
