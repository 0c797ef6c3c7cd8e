/* Walking the flow table in batches. A flow is shown by its forward entry, which every flow has. */
#include "kern/flow.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "kern/pin.h"
#include "kern/probe.h"
#include "lb/backend.h"
#include "lb/flow.h"

#define BATCH 256 /* buckets asked for at once */

struct clock {
	uint32_t now, hz; /* low bits of jiffies; 0: unknown */
};

struct walk {
	int fd;
	struct clock clock;
	const struct table *owners;
	bool (*fn)(void *ctx, const struct flow *f);
	void *ctx;
	struct flow_fill fill;
};

static struct endpoint endpoint_of(const struct lb_addr *a, __be16 port)
{
	struct endpoint e = { .port = ntohs(port) };

	memcpy(&e.addr, a, sizeof(e.addr));
	return e;
}

static const char *tcp_state(uint8_t tcp)
{
	if (tcp & LB_TCP_RST)
		return "closed";
	if (tcp & LB_TCP_FIN)
		return "closing";
	return tcp & LB_TCP_ACKED ? "established" : "opening";
}

static const char *state_of(const struct lb_flow *f)
{
	if (f->proto & LB_FLOW_CLIENT)
		return "client"; /* where all flows of this address go */
	return f->proto == IPPROTO_TCP ? tcp_state(f->tcp) : "";
}

static const struct lb_addr *source_of(const struct lb_flow *f, const struct lb_backend *b)
{
	if (b->mode != LB_MODE_SNAT)
		return &f->client;
	return f->source == b->source ? &b->snat : &b->old_snat;
}

/* False: the entry is the other half of a flow, or an earlier owner's. */
static bool decode(const struct lb_flow *f, const struct table *owners, const struct clock *c, struct flow *ret)
{
	const struct lb_backend *b = f->backend < owners->nbackends ? &owners->backends[f->backend] : NULL;

	if (f->flags & LB_FLOW_REVERSE || !b || b->gen != f->gen)
		return false;
	*ret = (struct flow){
		.proto = f->proto & (uint8_t)~LB_FLOW_CLIENT,
		.client = endpoint_of(&f->client, f->port),
		.vip = endpoint_of(&b->vip, f->vport),
		.source = endpoint_of(source_of(f, b), f->snat_port),
		.backend = endpoint_of(&b->addr, b->port ? b->port : f->vport),
		.service_id = b->service,
		.backend_id = f->backend,
		.state = state_of(f),
	};
	/* Touched since the clock was read: not idle. */
	if (c->hz && (int32_t)(c->now - f->seen) > 0)
		ret->idle_s = (c->now - f->seen) / c->hz;
	return true;
}

static bool visit_bucket(struct walk *w, const struct lb_flow_bucket *b)
{
	struct flow f;

	for (int way = 0; way < LB_FLOW_WAYS; way++) {
		if (!b->tag[way])
			continue;
		w->fill.entries++;
		w->fill.flows += !(b->entry[way].flags & LB_FLOW_REVERSE);
		if (w->fn && decode(&b->entry[way], w->owners, &w->clock, &f) && !w->fn(w->ctx, &f))
			return false;
	}
	return true;
}

static int walk_all(struct walk *w)
{
	_cleanup_free_ struct lb_flow_bucket *buckets = mem_alloc(BATCH * sizeof(*buckets));
	uint32_t keys[BATCH], at, n;
	bool more = false;
	int r = 0;

	while (r == 0) {
		n = BATCH;
		r = bpf_map_lookup_batch(w->fd, more ? &at : NULL, &at, keys, buckets, &n, NULL) < 0 ? -errno : 0;
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++)
			if (!visit_bucket(w, &buckets[i]))
				return 0;
		more = true;
	}
	return 0;
}

static int open_table(const char *pin_path, struct walk *w)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PIN_PATH_MAX];

	if (pin_map_path(pin_path, "flows", path) < 0)
		return -ENAMETOOLONG;
	w->fd = bpf_obj_get(path);
	if (w->fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(w->fd, &info, &len) < 0)
		return -errno;
	if (info.value_size != sizeof(struct lb_flow_bucket))
		return -ESTALE; /* made by another version */
	w->fill.room = (uint64_t)info.max_entries * LB_FLOW_WAYS;
	return 0;
}

static int walk(const char *pin_path, struct walk *w)
{
	int r;

	w->fd = -1;
	r = open_table(pin_path, w);
	if (r == 0)
		r = walk_all(w);
	mem_closep(&w->fd);
	return r;
}

int flow_fill(const char *pin_path, struct flow_fill *ret)
{
	struct walk w = { 0 };
	int r = walk(pin_path, &w);

	if (r == 0)
		*ret = w.fill;
	return r;
}

int flow_each(const char *pin_path, const struct table *owners, bool (*fn)(void *ctx, const struct flow *f), void *ctx)
{
	struct walk w = { .owners = owners, .fn = fn, .ctx = ctx, .clock.hz = probe_hz() };

	if (probe_jiffies(&w.clock.now) < 0)
		w.clock.hz = 0;
	return walk(pin_path, &w);
}
