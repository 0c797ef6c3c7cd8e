/* Walking the flow table in batches. A flow is shown by its forward entry, which every flow has. */
#include "kern/flow.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "kern/pinned.h"
#include "kern/probe.h"
#include "lb/backend.h"
#include "lb/flow.h"
#include "lb/hash.h"

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

/* NULL: the entry is an earlier owner's. */
static const struct lb_backend *backend_of(const struct lb_flow *f, const struct table *owners)
{
	const struct lb_backend *b = f->backend < owners->nbackends ? &owners->backends[f->backend] : NULL;

	return b && b->gen == f->gen ? b : NULL;
}

/* Touched since the clock was read: not idle. */
static uint32_t idle_of(const struct lb_flow *f, const struct clock *c)
{
	return c->hz && (int32_t)(c->now - f->seen) > 0 ? (c->now - f->seen) / c->hz : 0;
}

static void fill(const struct lb_flow *f, const struct lb_backend *b, const struct clock *c, struct flow *ret)
{
	*ret = (struct flow){
		.proto = f->proto & (uint8_t)~LB_FLOW_CLIENT,
		.client = endpoint_of(&f->client, f->port),
		.vip = endpoint_of(&b->vip, f->vport),
		.source = endpoint_of(source_of(f, b), f->snat_port),
		.backend = endpoint_of(&b->addr, b->port ? b->port : f->vport),
		.service_id = b->service,
		.backend_id = f->backend,
		.state = state_of(f),
		.idle_s = idle_of(f, c),
	};
}

/* False: the entry is the other half of a flow, or an earlier owner's. */
static bool decode(const struct lb_flow *f, const struct table *owners, const struct clock *c, struct flow *ret)
{
	const struct lb_backend *b = backend_of(f, owners);

	if (!b || f->flags & LB_FLOW_REVERSE)
		return false;
	fill(f, b, c, ret);
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

	w->fd = pinned_map(pin_path, "flows");
	if (w->fd < 0)
		return w->fd;
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

/* ---- one ---- */

/* The entry that lies under the tuple's hash, whosever it is. 0, -ENOENT or -errno. */
static int entry_at(const struct flow_search *s, const struct lb_hash_key *key, const struct lb_tuple *t,
		    struct lb_flow *ret)
{
	uint64_t hash = lb_hash_tuple(t, key);
	uint32_t at = (uint32_t)hash & (s->buckets - 1), tag = (uint32_t)(hash >> 32) | 1;
	struct lb_flow_bucket b;

	if (bpf_map_lookup_elem(s->fd, &at, &b) < 0)
		return -errno;
	for (int way = 0; way < LB_FLOW_WAYS; way++)
		if (b.tag[way] == tag) {
			*ret = b.entry[way];
			return 0;
		}
	return -ENOENT;
}

/* The tuple of the client's packets, or of the backend's. */
static struct lb_tuple tuple_of(const struct lb_flow *f, const struct lb_backend *b, bool answer)
{
	struct lb_tuple client = {
		.src = f->client, .dst = b->vip, .sport = f->port, .dport = f->vport, .proto = f->proto
	};
	struct lb_tuple server = { .src = b->addr,
				   .dst = *source_of(f, b),
				   .sport = b->port ? b->port : f->vport,
				   .dport = f->snat_port,
				   .proto = f->proto };

	return answer ? server : client;
}

static uint32_t quiet_of(const struct flow_search *s, const struct lb_hash_key *key, const struct lb_flow *f,
			 const struct lb_backend *b, const struct clock *c)
{
	uint32_t idle = idle_of(f, c), other = UINT32_MAX;
	struct lb_tuple t = tuple_of(f, b, !(f->flags & LB_FLOW_REVERSE));
	struct lb_flow mirror;

	if (!(f->flags & LB_FLOW_ALONE) && entry_at(s, key, &t, &mirror) == 0)
		other = idle_of(&mirror, c);
	return idle < other ? idle : other;
}

int flow_search_open(const char *pin_path, struct flow_search *ret)
{
	struct walk w = { .fd = -1 };
	int r = open_table(pin_path, &w);

	if (r < 0)
		mem_closep(&w.fd);
	*ret = (struct flow_search){ .fd = w.fd, .buckets = (uint32_t)(w.fill.room / LB_FLOW_WAYS), .hz = probe_hz() };
	return r;
}

int flow_find(const struct flow_search *s, const struct table *owners, const struct lb_hash_key *key,
	      const struct lb_tuple *tuple, struct flow_hit *ret)
{
	struct clock clock = { .hz = s->hz };
	const struct lb_backend *b;
	struct lb_tuple own;
	struct lb_flow f;
	int r = probe_jiffies(&clock.now);

	if (r == 0)
		r = entry_at(s, key, tuple, &f);
	if (r < 0)
		return r;
	b = backend_of(&f, owners);
	if (!b)
		return -ENOENT;
	*ret = (struct flow_hit){ .answer = f.flags & LB_FLOW_REVERSE };
	own = tuple_of(&f, b, ret->answer);
	if (memcmp(&own, tuple, sizeof(own)) != 0)
		return -ENOENT;
	fill(&f, b, &clock, &ret->flow);
	ret->quiet_s = quiet_of(s, key, &f, b, &clock);
	return 0;
}
