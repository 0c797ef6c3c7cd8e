/* Opening and loading. The ABI map decides whether the pins of an earlier agent may be taken over. */
#include "kern/object.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/pin.h"
#include "kern/probe.h"
#include "kern/sync_guard.h"
#include "kern/sync_listener.h"
#include "lb/abi.h"
#include "lb/flow.h"
#include "xdp.skel.h"

/* libbpf explains a refusal in text only; the first line of it goes into our error. Control thread only. */
static char first_words[256];

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !first_words[0])
		vsnprintf(first_words, sizeof(first_words), fmt, ap);
	first_words[strcspn(first_words, "\n")] = '\0';
	return 0;
}

struct lb_hash_key hash_key_of(const struct kern_conf *c)
{
	const char *secret = c->hash_secret ? c->hash_secret : "";
	struct lb_hash_key key;

	for (uint64_t i = 0; i < LB_HASH_WORDS; i++)
		key.w[i] = (uint32_t)hash_bytes(secret, strlen(secret), i + 1);
	return key;
}

static struct lb_abi wanted_abi(const struct kern_conf *c)
{
	return (struct lb_abi){
		.abi = LB_ABI,
		.maglev_size = c->maglev_size,
		.max_services = c->max_services,
		.max_backends = c->max_backends,
		.max_flows = c->max_flows,
		.key = hash_key_of(c),
	};
}

/* 0: nothing pinned, or pinned and fitting; -ESTALE: made for something else. */
static int check_pins(const struct kern_conf *c, const struct lb_abi *want, struct err_list *errs)
{
	_cleanup_close_ int fd = -1;
	char path[PIN_PATH_MAX];
	struct lb_abi have;
	uint32_t zero = 0;

	if (pin_map_path(c->pin_path, "abi", path) < 0)
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &have) < 0 || have.abi == 0)
		return 0;
	if (memcmp(&have, want, sizeof(have)) == 0)
		return 0;
	err_add(errs, (struct place){ 0 }, "kernel.pinPath",
		"the maps pinned under %s were made for ABI %u, %u services, %u backends, %u flows, %u Maglev rows%s; "
		"wanted are ABI "
		"%u, %u, %u, %u, %u: restore those settings, or end their forwarding with `rm -r %s`",
		c->pin_path, have.abi, have.max_services, have.max_backends, have.max_flows, have.maglev_size,
		have.abi == want->abi && memcmp(&have.key, &want->key, sizeof(have.key)) != 0
			? " and another hashSecret"
			: "",
		want->abi, want->max_services, want->max_backends, want->max_flows, want->maglev_size, c->pin_path);
	return -ESTALE;
}

static uint32_t seconds_up(uint64_t ns)
{
	return ns == 0 ? 1 : (uint32_t)((ns + 999999999u) / 1000000000u);
}

/* An entry per direction; buckets at most about half full when all flows are there (8 of 15 ways, on average), so that
 * fewer than one in a hundred overflows. */
static uint32_t flow_buckets(const struct kern_conf *c)
{
	uint32_t n = 16;

	while (n < c->max_flows / 4)
		n *= 2;
	return n;
}

/* With two choices of bucket, tables that are at most a third full do not overflow (lb/service.h). */
static uint32_t address_buckets(const struct kern_conf *c)
{
	uint32_t n = 64; /* a page at least, since it is mapped */

	while (n < c->max_services + c->max_backends)
		n *= 2;
	return n;
}

/* One entry for the service's port, and one for its address. */
static uint32_t port_buckets(const struct kern_conf *c)
{
	uint32_t n = 128;

	while (n < 2 * c->max_services)
		n *= 2;
	return n;
}

static int set_knobs(struct xdp_bpf *o, const struct kern_conf *c)
{
	unsigned hz = probe_hz();

	if (hz == 0)
		return -EOPNOTSUPP;
	o->rodata->knob_maglev_size = c->maglev_size;
	o->rodata->hash_key = hash_key_of(c);
	o->rodata->knob_address_buckets = address_buckets(c);
	o->rodata->knob_port_buckets = port_buckets(c);
	o->rodata->knob_jiffies_second = hz;
	o->rodata->knob_udp_idle = seconds_up(c->udp_timeout_ns);
	o->rodata->knob_tcp_idle = seconds_up(c->tcp_timeout_ns);
	o->rodata->knob_tcp_opening = seconds_up(c->tcp_opening_ns);
	o->rodata->knob_tcp_closed = seconds_up(c->tcp_closed_ns);
	o->rodata->knob_flow_buckets = flow_buckets(c);
	o->rodata->knob_snat_port_lo = c->snat_port_lo;
	o->rodata->knob_snat_port_hi = c->snat_port_hi;
	return 0;
}

static int new_table(size_t bytes)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "maglev_rows", sizeof(uint32_t), (uint32_t)bytes, 1, NULL);

	return fd < 0 ? -errno : fd;
}

/* rows: an inner map as template; libbpf needs it open until the object is loaded. */
static int set_sizes(struct xdp_bpf *o, const struct kern_conf *c, int rows)
{
	struct {
		struct bpf_map *map;
		uint32_t n;
	} sizes[] = {
		{ o->maps.addresses, address_buckets(c) },   { o->maps.ports, port_buckets(c) },
		{ o->maps.ranges, c->max_services },	     { o->maps.quic_ids, c->max_backends },
		{ o->maps.services, c->max_services },	     { o->maps.service_counts, c->max_services },
		{ o->maps.maglev, c->max_services },	     { o->maps.backends, c->max_backends },
		{ o->maps.backend_counts, c->max_backends }, { o->maps.flows, flow_buckets(c) },
	};
	int r = bpf_map__set_inner_map_fd(o->maps.maglev, rows);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(sizes); i++)
		r = bpf_map__set_max_entries(sizes[i].map, sizes[i].n);
	return r;
}

/* `devices` is not pinned: its content follows from the interfaces, and older libbpf cannot take over a device map.
 * The guard's maps are not either: the lists follow from the configuration and are complete before the program is
 * attached, and what a source has left is worth a second. So their sizes may change from start to start. */
static bool is_pinned(const struct xdp_bpf *o, const struct bpf_map *map)
{
	return !bpf_map__is_internal(map) && map != o->maps.devices && map != o->maps.guard_prefixes &&
	       map != o->maps.sources && map != o->maps.guard_untracked && map != o->maps.listeners &&
	       map != o->maps.syns;
}

static int set_pins(struct xdp_bpf *o, const char *dir)
{
	struct bpf_map *map;
	char path[PIN_PATH_MAX];
	int r = 0;

	bpf_object__for_each_map(map, o->obj)
	{
		if (!is_pinned(o, map))
			continue;
		r = pin_map_path(dir, bpf_map__name(map), path);
		if (r == 0)
			r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load(const struct kern_conf *c, const struct lb_abi *abi, struct xdp_bpf **ret)
{
	_cleanup_close_ int rows = new_table(c->maglev_size * LB_ROW_BYTES);
	struct xdp_bpf *o;
	int r;

	if (rows < 0)
		return rows;
	o = xdp_bpf__open();
	if (!o)
		return -errno;
	r = set_knobs(o, c);
	if (r == 0)
		r = set_sizes(o, c, rows);
	if (r == 0)
		r = guard_configure(o, &c->guard, o->rodata->knob_jiffies_second);
	if (r == 0)
		r = listener_configure(o, &c->guard);
	if (r == 0)
		r = set_pins(o, c->pin_path);
	if (r == 0)
		r = xdp_bpf__load(o);
	if (r == 0)
		r = mapio_put(bpf_map__fd(o->maps.abi), 0, abi);
	if (r < 0) {
		xdp_bpf__destroy(o);
		return r;
	}
	*ret = o;
	return 0;
}

int object_open(const struct kern_conf *conf, struct xdp_bpf **ret, struct err_list *errs)
{
	struct lb_abi abi = wanted_abi(conf);
	libbpf_print_fn_t before;
	int r;

	first_words[0] = '\0';
	before = libbpf_set_print(keep_words);
	r = check_pins(conf, &abi, errs);
	if (r == 0) {
		r = load(conf, &abi, ret);
		if (r < 0)
			err_add(errs, (struct place){ 0 }, "kernel", "loading the XDP program failed: %s%s%s%s",
				strerror(-r), first_words[0] ? " (" : "", first_words, first_words[0] ? ")" : "");
	}
	libbpf_set_print(before);
	return r;
}

void object_close(struct xdp_bpf **o)
{
	if (*o)
		xdp_bpf__destroy(*o);
	*o = NULL;
}

int object_new_table(const void *value, size_t bytes)
{
	int fd = new_table(bytes), r;

	if (fd < 0)
		return fd;
	r = mapio_put(fd, 0, value);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}
