/* A pass: note which rows are due, go through the flow table, unmark the due rows that no live entry contradicts. A
 * change of any table in between ends the pass; the next begins anew. */
#include "kern/settle.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "kern/object.h"
#include "kern/probe.h"
#include "kern/rows.h"
#include "lb/flow.h"
#include "xdp.skel.h"

#define BATCH	256 /* buckets asked for at once: 256 KiB */
#define BATCHES 64  /* in one step */

struct due {
	struct rows rows;
	uint8_t *keep; /* by row: moved, but not to be unmarked */
	bool any;      /* rows are due */
};

struct settle {
	uint64_t tcp_ns, udp_ns;
	struct due *due;      /* by service id; NULL: no pass is under way */
	uint32_t at;	      /* the flow table's cursor */
	bool begun;	      /* at is good */
	uint32_t hz, jiffies; /* of this step */
};

struct settle *settle_new(uint64_t tcp_timeout_ns, uint64_t udp_timeout_ns)
{
	struct settle *s = mem_zalloc(sizeof(*s));

	s->tcp_ns = tcp_timeout_ns;
	s->udp_ns = udp_timeout_ns;
	return s;
}

static void end_pass(struct live *l)
{
	struct settle *s = l->settle;

	for (uint32_t id = 0; s->due && id < l->table.nservices; id++) {
		rows_free(&s->due[id].rows);
		free(s->due[id].keep);
	}
	free(s->due);
	s->due = NULL;
	s->begun = false;
}

void settle_void(struct live *l)
{
	if (l->settle)
		end_pass(l);
}

void settle_free(struct settle **s)
{
	free(*s); /* a pass was ended before */
	*s = NULL;
}

/* For how long a flow of the service may be silent and still be one, in seconds. */
static uint32_t memory_of(const struct settle *s, const struct lb_service *service)
{
	uint64_t ns = service->vip.proto == IPPROTO_UDP ? s->udp_ns : s->tcp_ns;
	uint32_t seconds = (uint32_t)((ns + NS_PER_S - 1) / NS_PER_S);

	return service->affinity > seconds ? service->affinity : seconds;
}

static void note_due(struct live *l, uint32_t id, uint16_t now_s)
{
	struct due *d = &l->settle->due[id];
	uint32_t memory = memory_of(l->settle, &l->table.services[id]);

	if (!l->moved[id] || !l->table.services[id].active || rows_read(l, id, &d->rows) < 0)
		return;
	d->keep = mem_zalloc(d->rows.size);
	for (uint32_t i = 0; i < d->rows.size; i++) {
		bool moved = d->rows.row[i] & LB_ROW_MOVED;

		d->keep[i] = moved && (uint16_t)(now_s - d->rows.past[i].when) <= memory;
		d->any |= moved && !d->keep[i];
	}
}

static bool begin_pass(struct live *l)
{
	uint16_t now_s = (uint16_t)(probe_boot_ns() / NS_PER_S);
	bool any = false;

	l->settle->due = mem_zalloc(l->table.nservices * sizeof(*l->settle->due));
	for (uint32_t id = 0; id < l->table.nservices; id++) {
		note_due(l, id, now_s);
		any |= l->settle->due[id].any;
	}
	if (!any)
		end_pass(l);
	return any;
}

static bool is_live(const struct settle *s, const struct lb_flow *f, const struct lb_service *service)
{
	int32_t idle = (int32_t)(s->jiffies - f->seen);

	return idle < 0 || (uint32_t)idle / s->hz <= memory_of(s, service);
}

/* An entry that disagrees with its row keeps that row's mark. */
static void weigh(struct live *l, const struct lb_flow *f)
{
	const struct lb_backend *b = f->backend < l->table.nbackends ? &l->table.backends[f->backend] : NULL;
	struct lb_tuple key = { .src = f->client, .sport = f->port, .dport = f->vport, .proto = f->proto };
	struct due *d;
	uint32_t row;

	if (!b || b->gen != f->gen || f->flags & LB_FLOW_REVERSE || b->service >= l->table.nservices)
		return;
	d = &l->settle->due[b->service];
	if (!d->any || !is_live(l->settle, f, &l->table.services[b->service]))
		return;
	key.dst = b->vip;
	if (l->table.services[b->service].rules & LB_RULE_AFFINITY) { /* the row is its client's */
		key.sport = 0;
		key.proto |= LB_FLOW_CLIENT;
	}
	row = lb_hash_row(lb_hash_tuple(&key, (const struct lb_hash_key *)&l->object->rodata->hash_key), d->rows.size);
	if ((d->rows.row[row] & LB_ROW_ID) != f->backend)
		d->keep[row] = 1;
}

static void weigh_bucket(struct live *l, const struct lb_flow_bucket *b)
{
	for (int way = 0; way < LB_FLOW_WAYS; way++)
		if (b->tag[way])
			weigh(l, &b->entry[way]);
}

/* 1: more to do; 0: the end of the table; or -errno. */
static int look_on(struct live *l, struct lb_flow_bucket *buckets)
{
	struct settle *s = l->settle;
	uint32_t keys[BATCH], n = BATCH;
	int fd = bpf_map__fd(l->object->maps.flows);
	int r = bpf_map_lookup_batch(fd, s->begun ? &s->at : NULL, &s->at, keys, buckets, &n, NULL) < 0 ? -errno : 1;

	if (r < 0 && r != -ENOENT)
		return r;
	for (uint32_t i = 0; i < n; i++)
		weigh_bucket(l, &buckets[i]);
	s->begun = true;
	return r == -ENOENT ? 0 : 1;
}

static void unmark(struct live *l, uint32_t id)
{
	struct due *d = &l->settle->due[id];

	if (!d->any)
		return;
	d->rows.moved = 0;
	for (uint32_t i = 0; i < d->rows.size; i++) {
		if (!(d->rows.row[i] & LB_ROW_MOVED))
			continue;
		if (d->keep[i]) {
			d->rows.moved++;
			continue;
		}
		d->rows.row[i] &= LB_ROW_ID;
		d->rows.past[i].id = LB_ROW_NONE;
	}
	(void)rows_write(l, id, &d->rows); /* else the marks stay until the next pass */
}

void settle_step(struct live *l)
{
	struct settle *s = l->settle;
	_cleanup_free_ struct lb_flow_bucket *buckets = NULL;
	int more = 1;

	if (!s->due && !begin_pass(l))
		return;
	if (!s->hz)
		s->hz = probe_hz();
	if (!s->hz || probe_jiffies(&s->jiffies) < 0)
		return;
	buckets = mem_alloc(BATCH * sizeof(*buckets));
	for (int i = 0; more > 0 && i < BATCHES; i++)
		more = look_on(l, buckets);
	if (more > 0)
		return;
	for (uint32_t id = 0; more == 0 && id < l->table.nservices; id++)
		unmark(l, id);
	end_pass(l);
}
