/* From two sets of prefixes to one trie whose entries need no second look: every entry says what holds below it, and
 * those that would repeat what holds above them are left out. */
#include "kern/sync_guard.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/table.h"
#include "lb/count.h"
#include "lb/guard.h"
#include "xdp.skel.h"

#define SOURCES_MAX (1u << 24)
#define V4_BITS	    96
#define DEPTH_MAX   129 /* prefixes around one another: one of each length */

enum { LISTED_ALLOW = 1, LISTED_DENY = 2, STARTS_ANEW = 4 };

struct rule {
	struct prefix prefix;
	uint8_t flags; /* of the lists it stands in; then of the prefixes around it, too */
	uint8_t word;  /* LB_SOURCE_* */
};

/* By address, the wider one first: a prefix comes right before all it contains. */
static int compare(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int r = memcmp(x->prefix.addr.b, y->prefix.addr.b, sizeof(x->prefix.addr.b));

	return r ? r : (int)x->prefix.len - (int)y->prefix.len;
}

static bool covers(const struct prefix *p, const struct prefix *q)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (q->len < p->len || memcmp(p->addr.b, q->addr.b, whole) != 0)
		return false;
	return !rest || !((p->addr.b[whole] ^ q->addr.b[whole]) & (uint8_t)(0xff00 >> rest));
}

static size_t gather(struct rule *rules, const struct kern_guard *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->nallow; i++)
		rules[n++] = (struct rule){ .prefix = g->allow[i], .flags = LISTED_ALLOW };
	for (size_t i = 0; i < g->ndeny; i++)
		rules[n++] = (struct rule){ .prefix = g->deny[i], .flags = LISTED_DENY };
	/* What is said of IPv6 ("::/0") is not said of IPv4, although it lies inside. */
	rules[n++] = (struct rule){ .prefix = { .addr = { { [10] = 0xff, [11] = 0xff } }, .len = V4_BITS },
				    .flags = STARTS_ANEW };
	rules[n++] = (struct rule){ .flags = STARTS_ANEW };
	qsort(rules, n, sizeof(*rules), compare);
	return n;
}

/* The same prefix once, in all its lists. */
static size_t merge(struct rule *rules, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && compare(&rules[kept - 1], &rules[i]) == 0)
			rules[kept - 1].flags |= rules[i].flags;
		else
			rules[kept++] = rules[i];
	}
	return kept;
}

/* Denied beats allowed, whichever is the more specific. */
static uint8_t word_of(uint8_t flags, bool closed)
{
	if (flags & LISTED_DENY)
		return LB_SOURCE_DENIED;
	return closed && !(flags & LISTED_ALLOW) ? LB_SOURCE_NOT_ALLOWED : LB_SOURCE_PASS;
}

/* Walks the sorted rules with those around the current one on a stack. What repeats its surroundings, or says PASS
 * where nothing else is said, goes. closed: there is an allow list. */
static size_t resolve(struct rule *rules, size_t n, bool closed)
{
	struct rule around[DEPTH_MAX];
	size_t depth = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct rule r = rules[i];

		while (depth && !covers(&around[depth - 1].prefix, &r.prefix))
			depth--;
		if (depth && !(r.flags & STARTS_ANEW))
			r.flags |= around[depth - 1].flags & (LISTED_ALLOW | LISTED_DENY);
		r.word = word_of(r.flags, closed);
		if (r.word != (depth ? around[depth - 1].word : LB_SOURCE_PASS))
			rules[kept++] = r;
		around[depth++] = r;
	}
	return kept;
}

/* The rules of the trie, at most nallow + ndeny + 2. The caller frees *ret. */
static size_t make_rules(const struct kern_guard *g, struct rule **ret)
{
	struct rule *rules = mem_zalloc((g->nallow + g->ndeny + 2) * sizeof(*rules));
	size_t n = merge(rules, gather(rules, g));

	*ret = rules;
	return resolve(rules, n, g->nallow > 0);
}

static int put_rule(int fd, const struct rule *r)
{
	struct lb_prefix key = { .bits = r->prefix.len, .addr = table_addr(&r->prefix.addr) };
	uint32_t word = r->word;

	return bpf_map_update_elem(fd, &key, &word, BPF_ANY) < 0 ? -errno : 0;
}

/* A descriptor the caller closes, or -errno. A trie without entries needs room for one all the same. */
static int new_trie(const struct rule *rules, size_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "guard_trie", sizeof(struct lb_prefix), sizeof(uint32_t),
				n ? (uint32_t)n : 1, &o);
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_rule(fd, &rules[i]);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

int sync_guard(struct live *l, const struct kern_guard *g, struct err_list *errs)
{
	_cleanup_free_ struct rule *rules = NULL;
	_cleanup_close_ int fd = -1;
	size_t n;
	int r;

	if (!l->object->rodata->knob_guard_prefixes)
		return 0;
	n = make_rules(g, &rules);
	fd = new_trie(rules, n);
	r = fd < 0 ? fd : mapio_put(bpf_map__fd(l->object->maps.guard_prefixes), 0, &fd);
	if (r < 0) {
		err_add(errs, (struct place){ 0 }, "kernel.protection",
			"installing %zu allowed and %zu denied prefixes failed: %s", g->nallow, g->ndeny, strerror(-r));
		return r;
	}
	l->nallow = g->nallow;
	l->ndeny = g->ndeny;
	return 0;
}

/* ---- before the load ---- */

static uint32_t source_buckets(uint32_t sources)
{
	uint32_t n = 1;

	while (n < sources / LB_SOURCE_WAYS)
		n *= 2;
	return n;
}

struct rate {
	uint64_t cost, room;
};

/* Time moves in jiffies, so a bucket that holds less than one brings could never be emptied at the full rate. */
static struct rate rate_of(uint32_t per_second, uint32_t burst, unsigned hz)
{
	uint64_t least = per_second / hz + 1, tokens = burst ? burst : per_second;
	struct rate r = { 0 };

	if (!per_second)
		return r;
	r.cost = ((uint64_t)hz << LB_TIME_SHIFT) / per_second;
	r.room = ((tokens < least ? least : tokens) - 1) * r.cost;
	return r;
}

int guard_configure(struct xdp_bpf *o, const struct kern_guard *g, unsigned hz)
{
	struct rate packets = rate_of(g->packets_per_second, g->packets_burst, hz);
	struct rate connections = rate_of(g->connections_per_second, g->connections_burst, hz);
	bool limits = packets.cost || connections.cost;

	if (g->max_sources > SOURCES_MAX)
		return -EINVAL;
	o->rodata->knob_guard_prefixes = g->filter;
	o->rodata->knob_packet_cost = packets.cost;
	o->rodata->knob_packet_room = packets.room;
	o->rodata->knob_connection_cost = connections.cost;
	o->rodata->knob_connection_room = connections.room;
	o->rodata->knob_source_buckets = limits ? source_buckets(g->max_sources) : 1;
	return bpf_map__set_max_entries(o->maps.sources, o->rodata->knob_source_buckets);
}

/* ---- counters ---- */

void guard_visit(struct live *l, void (*fn)(void *ctx, const struct kern_count *c), void *ctx)
{
	struct kern_count rows[] = {
		{ .name = "sluice_kernel_allow_prefixes",
		  .help = "Source prefixes on the allow list in force.",
		  .gauge = true,
		  .value = l->nallow },
		{ .name = "sluice_kernel_deny_prefixes",
		  .help = "Source prefixes on the deny list in force.",
		  .gauge = true,
		  .value = l->ndeny },
		{ .name = "sluice_kernel_untracked_packets_total",
		  .help = "Packets let through unlimited because the table of sources had no room for theirs." },
	};

	(void)mapio_sum(bpf_map__fd(l->object->maps.guard_untracked), 0, &rows[2].value, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fn(ctx, &rows[i]);
}
