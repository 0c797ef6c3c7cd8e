/* Each function below is one of a stage in bpf/stage, and has to say the same. */
#include "kern/explain.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/directory.h"
#include "kern/mapio.h"
#include "kern/pin.h"
#include "kern/pinned.h"
#include "kern/probe.h"
#include "kern/rows.h"
#include "lb/flow.h"
#include "lb/hash.h"
#include "lb/knob.h"
#include "xdp.skel.h"

struct explain {
	char *dir;
	struct lb_abi abi;
	struct table table;
	struct directory directory; /* copies */
	struct lb_traits traits;
	struct rows *rows; /* by service, read when asked for; size 0: not yet */
	int ranges_fd, maglev_fd;
	struct flow_search flows;
	uint32_t udp_idle, snat_lo, snat_hi;
};

/* ---- what the program was loaded with ---- */

static bool is_constants(int fd, struct bpf_map_info *info)
{
	uint32_t len = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &len) == 0 && strstr(info->name, ".rodata") &&
	       info->value_size == sizeof(*((struct xdp_bpf *)0)->rodata);
}

static void take_constants(struct explain *e, uint32_t map_id)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(map_id);
	_cleanup_free_ __typeof__(((struct xdp_bpf *)0)->rodata) c = mem_zalloc(sizeof(*c));
	struct bpf_map_info info = { 0 };
	uint32_t zero = 0;

	if (fd < 0 || !is_constants(fd, &info) || bpf_map_lookup_elem(fd, &zero, c) < 0)
		return;
	e->udp_idle = c->knob_udp_idle;
	e->snat_lo = c->knob_snat_port_lo;
	e->snat_hi = c->knob_snat_port_hi;
}

static void constants_of_link(void *ctx, const char *path)
{
	_cleanup_close_ int link = bpf_obj_get(path), prog = -1;
	struct bpf_link_info on = { 0 };
	struct bpf_prog_info info = { 0 };
	uint32_t ids[64], len = sizeof(on);

	if (link < 0 || bpf_obj_get_info_by_fd(link, &on, &len) < 0)
		return;
	prog = bpf_prog_get_fd_by_id(on.prog_id);
	info.map_ids = (uint64_t)(uintptr_t)ids;
	info.nr_map_ids = ARRAY_LEN(ids);
	len = sizeof(info);
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &len) < 0)
		return;
	for (uint32_t i = 0; i < info.nr_map_ids && i < ARRAY_LEN(ids); i++)
		take_constants(ctx, ids[i]);
}

/* Those of the program that is attached; with none, the defaults. */
static void read_constants(struct explain *e)
{
	static const struct {
#define KNOB_FIELD(type, name, value, doc) type name;
		LB_KNOBS(KNOB_FIELD)
#undef KNOB_FIELD
	} defaults = {
#define KNOB_VALUE(type, name, value, doc) .name = value,
		LB_KNOBS(KNOB_VALUE)
#undef KNOB_VALUE
	};

	e->udp_idle = defaults.udp_idle;
	e->snat_lo = defaults.snat_port_lo;
	e->snat_hi = defaults.snat_port_hi;
	pin_each_link(e->dir, constants_of_link, e);
}

/* ---- opening ---- */

/* A copy of a whole array map. */
static int copy_array(const char *dir, const char *name, size_t value, void **ret, size_t *ret_n)
{
	_cleanup_close_ int fd = pinned_map(dir, name);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fd < 0 ? fd : -errno;
	if (info.value_size != value)
		return -ESTALE;
	*ret_n = info.max_entries;
	*ret = mem_alloc(*ret_n * value);
	return mapio_read_array(fd, *ret, info.max_entries, value);
}

static int read_directory(struct explain *e)
{
	_cleanup_close_ int fd = pinned_map(e->dir, "traits");
	struct directory *d = &e->directory;
	uint32_t zero = 0;
	int r = copy_array(e->dir, "addresses", sizeof(*d->addresses), (void **)&d->addresses, &d->naddresses);

	if (r == 0)
		r = copy_array(e->dir, "ports", sizeof(*d->ports), (void **)&d->ports, &d->nports);
	if (r == 0 && (fd < 0 || bpf_map_lookup_elem(fd, &zero, &e->traits) < 0))
		r = -errno;
	return r;
}

static int read_all(struct explain *e)
{
	int r = read_directory(e);

	e->ranges_fd = pinned_map(e->dir, "ranges");
	e->maglev_fd = pinned_map(e->dir, "maglev");
	e->rows = mem_zalloc(e->table.nservices * sizeof(*e->rows));
	read_constants(e);
	if (r == 0)
		r = flow_search_open(e->dir, &e->flows);
	if (r == 0)
		r = e->ranges_fd < 0 ? e->ranges_fd : e->maglev_fd < 0 ? e->maglev_fd : 0;
	return r;
}

int explain_open(const char *pin_path, struct explain **ret, struct err_list *errs)
{
	struct explain *e = mem_zalloc(sizeof(*e));
	int r;

	e->dir = mem_strdup(pin_path);
	e->ranges_fd = e->maglev_fd = e->flows.fd = -1;
	r = pinned_open(pin_path, &e->abi, &e->table, errs);
	if (r == 0) {
		r = read_all(e);
		if (r < 0)
			pinned_refuse(errs, pin_path, r);
	}
	if (r < 0)
		explain_close(&e);
	*ret = e;
	return r;
}

void explain_close(struct explain **ep)
{
	struct explain *e = *ep;

	if (!e)
		return;
	for (uint32_t id = 0; e->rows && id < e->table.nservices; id++)
		rows_free(&e->rows[id]);
	mem_closep(&e->ranges_fd);
	mem_closep(&e->maglev_fd);
	mem_closep(&e->flows.fd);
	table_free(&e->table);
	free(e->directory.addresses);
	free(e->directory.ports);
	free(e->rows);
	free(e->dir);
	free(e);
	*ep = NULL;
}

/* ---- whose packet (stage/service.h) ---- */

static const struct lb_backend *backend_at(const struct explain *e, uint16_t id)
{
	return id < e->table.nbackends && e->table.backends[id].flags & LB_BACKEND_USED ? &e->table.backends[id] : NULL;
}

static void take_range(struct explain_flow *f, const struct lb_range *r)
{
	f->by = EXPLAIN_BY_RANGE;
	f->first_port = r->first;
	f->last_port = r->last;
	f->rules = r->rules;
	f->service_id = r->service;
}

static void look_in_ranges(const struct explain *e, const struct lb_address *a, const struct lb_tuple *t,
			   struct explain_flow *f)
{
	uint32_t id = a->id;
	uint16_t port = ntohs(t->dport);
	struct lb_ranges all;

	if (!(a->flags & LB_ADDRESS_RANGES) || bpf_map_lookup_elem(e->ranges_fd, &id, &all) < 0)
		return;
	for (int i = 0; i < LB_RANGES && f->by == EXPLAIN_NO_PORT; i++)
		if (all.range[i].proto == t->proto && all.range[i].first <= port && port <= all.range[i].last)
			take_range(f, &all.range[i]);
}

static void look_for_service(const struct explain *e, const struct lb_tuple *t, struct explain_flow *f)
{
	const struct lb_address *to = directory_find(&e->directory, &t->dst);
	const struct lb_address *from = directory_find(&e->directory, &t->src);
	uint16_t port = ntohs(t->dport);
	const struct lb_port *p;

	if (to && to->flags & LB_ADDRESS_SOURCE)
		f->may_answer = port >= e->snat_lo && port <= e->snat_hi;
	if (to && to->flags & LB_ADDRESS_SERVER)
		f->may_answer = true;
	if (e->traits.flags & LB_TRAIT_DNAT && from && from->flags & LB_ADDRESS_SERVER &&
	    !(to && to->flags & (LB_ADDRESS_VIP | LB_ADDRESS_SOURCE)))
		f->may_answer = true;
	if (!to || !(to->flags & LB_ADDRESS_VIP))
		return;
	f->by = EXPLAIN_NO_PORT;
	p = directory_find_port(&e->directory, to->id, t->dport, t->proto);
	if (!p) {
		look_in_ranges(e, to, t, f);
		return;
	}
	f->by = EXPLAIN_BY_PORT;
	f->first_port = f->last_port = port;
	f->rules = p->rules;
	f->service_id = p->service;
}

bool explain_server(const struct explain *e, uint16_t id, struct explain_server *ret)
{
	const struct lb_backend *b = backend_at(e, id);

	if (!b)
		return false;
	*ret = (struct explain_server){ .at = table_endpoint(b),
					.state = table_state(b),
					.forwarding = table_mode(b),
					.resolved = b->flags & LB_BACKEND_NEXTHOP,
					.ifindex = b->ifindex };
	memcpy(ret->mac, b->dmac, sizeof(ret->mac));
	return true;
}

/* ---- row (stage/row.h) ---- */

/* Flows of one client share the hash that their client has. */
static struct lb_tuple client_of(const struct lb_tuple *t)
{
	struct lb_tuple who = *t;

	who.sport = 0;
	who.proto |= LB_FLOW_CLIENT;
	return who;
}

static int look_at_row(struct explain *e, const struct lb_tuple *t, uint16_t service, struct explain_row *ret)
{
	struct rows *rows = &e->rows[service];
	const struct lb_backend *was;
	int r = rows->size ? 0 : rows_load(e->maglev_fd, e->abi.maglev_size, service, rows);

	if (r < 0)
		return r;
	ret->hash = lb_hash_tuple(t, &e->abi.key);
	ret->at = lb_hash_row(ret->hash, rows->size);
	ret->backend_id = rows->row[ret->at] & LB_ROW_ID;
	ret->moved = rows->row[ret->at] & LB_ROW_MOVED;
	ret->past_id = LB_ROW_NONE;
	if (!ret->moved)
		return 0;
	was = backend_at(e, rows->past[ret->at].id);
	ret->past_age = (uint16_t)((uint16_t)(probe_boot_ns() / NS_PER_S) - rows->past[ret->at].when);
	if (was && was->service == service)
		ret->past_id = rows->past[ret->at].id;
	return 0;
}

/* ---- the flow ---- */

static int find_entry(const struct explain *e, const struct lb_tuple *t, bool *ret_known, struct flow_hit *ret)
{
	int r = flow_find(&e->flows, &e->table, &e->abi.key, t, ret);

	*ret_known = r == 0;
	return r == -ENOENT ? 0 : r;
}

int explain_look(struct explain *e, uint8_t proto, const struct endpoint *src, const struct endpoint *dst,
		 struct explain_flow *ret)
{
	struct lb_tuple t = { .src = table_addr(&src->addr),
			      .dst = table_addr(&dst->addr),
			      .sport = htons(src->port),
			      .dport = htons(dst->port),
			      .proto = proto },
			who = client_of(&t);
	bool served;
	int r = 0;

	*ret = (struct explain_flow){ .by = EXPLAIN_NO_VIP, .service_id = LB_ID_NONE, .service = "" };
	ret->row.backend_id = ret->row.past_id = LB_ROW_NONE;
	look_for_service(e, &t, ret);
	served = ret->service_id < e->table.nservices;
	ret->by_client = ret->rules & LB_RULE_AFFINITY && !(ret->rules & LB_RULE_TRACK);
	table_rules(ret->rules, ret->rules_text);
	if (served) {
		ret->service = e->table.services[ret->service_id].name;
		ret->affinity_s = e->table.services[ret->service_id].affinity;
		r = look_at_row(e, ret->rules & LB_RULE_AFFINITY ? &who : &t, ret->service_id, &ret->row);
	}
	if (r == 0 && (served || ret->may_answer))
		r = find_entry(e, &t, &ret->known, &ret->hit);
	if (r == 0 && served && ret->rules & LB_RULE_AFFINITY)
		r = find_entry(e, &who, &ret->client_known, &ret->client);
	return r;
}

/* ---- the decision ---- */

static struct explain_verdict ends(enum lb_reason reason, const char *why)
{
	return (struct explain_verdict){ .reason = reason, .backend_id = LB_ROW_NONE, .why = why };
}

static bool is_up(const struct explain *e, uint16_t id)
{
	const struct lb_backend *b = backend_at(e, id);

	return b && b->flags & LB_BACKEND_UP;
}

static bool is_rewritten(const struct explain *e, uint16_t id)
{
	const struct lb_backend *b = backend_at(e, id);

	return b && !LB_MODE_DIRECT(b->mode);
}

/* stage/forward.h, without what the packet's size and TTL say. */
static struct explain_verdict goes(const struct explain *e, uint16_t id, const char *why)
{
	const struct lb_backend *b = backend_at(e, id);
	struct explain_verdict v = { .reason = LB_R_forwarded, .backend_id = id, .why = why };

	if (!b)
		return ends(LB_R_no_backend, "the service has no backend that is up and has weight");
	if (!(b->flags & LB_BACKEND_NEXTHOP)) {
		v.reason = LB_R_no_nexthop;
		v.why = "the next hop of its backend is not resolved";
	}
	return v;
}

/* row_pick(): the backend of a flow without an entry. */
static struct explain_verdict by_row(const struct explain *e, const struct explain_row *r, enum explain_kind kind,
				     uint32_t window)
{
	bool recent = r->past_age <= window;

	if (!r->moved)
		return goes(e, r->backend_id, "its row has not moved");
	if (kind == EXPLAIN_BEGINS)
		return goes(e, r->backend_id, "it begins, so it goes by its row of today");
	if (r->past_id == LB_ROW_NONE)
		return goes(e, r->backend_id, "its row moved, but whose it was is not known any more");
	if (kind == EXPLAIN_CONTINUES)
		return goes(e, r->past_id, "it began before its row moved");
	if (recent && is_up(e, r->past_id))
		return goes(e, r->past_id, "its row moved so recently that it may have begun before");
	return goes(e, r->backend_id,
		    recent ? "its row moved, and the backend of before is down"
			   : "its row moved so long ago that it cannot have begun before");
}

/* affinity_pick() */
static struct explain_verdict by_client(const struct explain *e, const struct explain_flow *f, enum explain_kind kind)
{
	uint16_t with = f->client.flow.backend_id;

	if (!f->row.moved)
		return goes(e, f->row.backend_id, "the row of its client has not moved");
	if (f->client_known && kind == EXPLAIN_CONTINUES)
		return goes(e, with, "its client has an entry");
	if (f->client_known && is_up(e, with) && f->client.flow.idle_s <= f->affinity_s)
		return goes(e, with, "its client has an entry");
	return by_row(e, &f->row, kind == EXPLAIN_CONTINUES ? kind : EXPLAIN_DATAGRAM, f->affinity_s);
}

/* flow_may_move() */
static bool may_move(const struct explain *e, const struct flow_hit *hit, enum explain_kind kind)
{
	bool up = is_up(e, hit->flow.backend_id);

	if (hit->answer || kind == EXPLAIN_CONTINUES)
		return false;
	return !up || (kind == EXPLAIN_DATAGRAM && hit->quiet_s > e->udp_idle);
}

static struct explain_verdict by_entry(const struct explain *e, const struct flow_hit *hit)
{
	struct explain_verdict v;

	if (!hit->answer)
		return goes(e, hit->flow.backend_id, "the flow table has it");
	v = ends(LB_R_replied, "it answers a flow that the flow table has");
	v.backend_id = hit->flow.backend_id;
	v.answer = true;
	return v;
}

/* stage/pick.h */
static struct explain_verdict begin_flow(const struct explain *e, const struct explain_flow *f, enum explain_kind kind)
{
	bool tracked = f->rules & LB_RULE_TRACK;
	enum explain_kind as = kind == EXPLAIN_DATAGRAM && tracked ? EXPLAIN_BEGINS : kind;
	struct explain_verdict v;

	v = f->rules & LB_RULE_AFFINITY ? by_client(e, f, kind) : by_row(e, &f->row, as, e->udp_idle);
	if (kind == EXPLAIN_CONTINUES && is_rewritten(e, v.backend_id))
		return ends(LB_R_no_flow, "it is in the middle of a connection that the flow table does not have, and "
					  "only there it says how addresses are rewritten");
	return v;
}

static struct explain_verdict nobodys(const struct explain_flow *f)
{
	if (f->may_answer)
		return ends(LB_R_not_ours, "it could be an answer, but the flow table has no such flow");
	if (f->by == EXPLAIN_NO_PORT)
		return ends(LB_R_not_ours, "the address is virtual, but no service has this port of it");
	return ends(LB_R_not_ours, "the address is not virtual");
}

struct explain_verdict explain_decide(const struct explain *e, const struct explain_flow *f, enum explain_kind kind)
{
	if (f->service_id == LB_ID_NONE)
		return f->known ? by_entry(e, &f->hit) : nobodys(f);
	if (!(f->rules & ~LB_RULE_QUIC) && !f->row.moved) /* a QUIC packet may say otherwise itself */
		return goes(e, f->row.backend_id, "its row has not moved");
	if (f->by_client && !is_rewritten(e, by_client(e, f, kind).backend_id))
		return by_client(e, f, kind);
	if (f->known && !may_move(e, &f->hit, kind))
		return by_entry(e, &f->hit);
	return begin_flow(e, f, kind);
}
