/* From lists to rules, against the definition tried out address by address; rates; and the trie on real maps (root). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "kern/probe.h"
#include "kern/sync_guard.c"

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(str_of(text), &p), 0);
	return p;
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), 0);
	return a;
}

/* What the kernel does: the longest rule decides, none passes. */
static unsigned lookup(const struct rule *rules, size_t n, const struct addr *a)
{
	const struct prefix host = { .addr = *a, .len = 128 };
	int best = -1;
	unsigned word = LB_SOURCE_PASS;

	for (size_t i = 0; i < n; i++)
		if (covers(&rules[i].prefix, &host) && (int)rules[i].prefix.len > best) {
			best = rules[i].prefix.len;
			word = rules[i].word;
		}
	return word;
}

/* What the operator was promised. */
static bool listed(const struct prefix *v, size_t n, const struct addr *a)
{
	const struct prefix host = { .addr = *a, .len = 128 };

	for (size_t i = 0; i < n; i++)
		if (covers(&v[i], &host) && !(addr_is_v4(a) && v[i].len < 96))
			return true;
	return false;
}

static unsigned promised(const struct kern_guard *g, const struct addr *a)
{
	if (listed(g->deny, g->ndeny, a))
		return LB_SOURCE_DENIED;
	return g->nallow && !listed(g->allow, g->nallow, a) ? LB_SOURCE_NOT_ALLOWED : LB_SOURCE_PASS;
}

static void test_words(void **state)
{
	const struct prefix allow[] = { pfx("10.0.0.0/8"), pfx("2001:db8::/32") };
	const struct prefix deny[] = { pfx("10.1.0.0/16"), pfx("10.1.2.3"), pfx("::/0") };
	const struct kern_guard g = { .allow = allow, .nallow = 2, .deny = deny, .ndeny = 3 };
	static const struct {
		const char *at;
		unsigned word;
	} cases[] = {
		{ "10.2.0.1", LB_SOURCE_PASS },	     { "10.1.9.9", LB_SOURCE_DENIED },
		{ "10.1.2.3", LB_SOURCE_DENIED },    { "192.0.2.1", LB_SOURCE_NOT_ALLOWED },
		{ "2001:db8::1", LB_SOURCE_DENIED }, { "fd00::1", LB_SOURCE_DENIED },
	};
	struct rule *rules;
	size_t n = make_rules(&g, &rules);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = ip(cases[i].at);

		assert_int_equal(lookup(rules, n, &a), cases[i].word);
	}
	free(rules);
}

static void test_repetitions_are_left_out(void **state)
{
	const struct prefix deny[] = { pfx("10.0.0.0/8"), pfx("10.1.0.0/16"), pfx("10.0.0.0/8"), pfx("10.1.1.1") };
	const struct kern_guard none = { 0 }, g = { .deny = deny, .ndeny = 4 };
	struct rule *rules;

	(void)state;
	assert_int_equal(make_rules(&none, &rules), 0);
	free(rules);
	assert_int_equal(make_rules(&g, &rules), 1);
	assert_int_equal(rules[0].prefix.len, 96 + 8);
	assert_int_equal(rules[0].word, LB_SOURCE_DENIED);
	free(rules);
}

/* Prefixes on every bit: as deep as it goes. */
static void test_deepest_nesting(void **state)
{
	struct prefix allow[129], deny[65];
	struct kern_guard g = { .allow = allow, .deny = deny };
	struct addr a = ip("2001:db8::1"), other = ip("8000::1");
	struct rule *rules;
	size_t n;

	(void)state;
	for (uint8_t len = 0; len <= 128; len++)
		allow[g.nallow++] = (struct prefix){ .len = len };
	deny[g.ndeny++] = (struct prefix){ .len = 128 };
	n = make_rules(&g, &rules);
	assert_int_equal(lookup(rules, n, &(struct addr){ 0 }), LB_SOURCE_DENIED);
	assert_int_equal(lookup(rules, n, &a), LB_SOURCE_PASS);
	assert_int_equal(lookup(rules, n, &other), LB_SOURCE_PASS);
	a = ip("192.0.2.1");
	assert_int_equal(lookup(rules, n, &a), LB_SOURCE_NOT_ALLOWED);
	free(rules);
}

/* Few bits vary, so that prefixes meet, nest and repeat. */
static struct prefix random_prefix(unsigned *seed)
{
	struct prefix p = { .len = 128 };
	unsigned bits = (unsigned)rand_r(seed) % 9;

	if (rand_r(seed) % 3) {
		p.addr.b[10] = p.addr.b[11] = 0xff;
		p.addr.b[12] = (uint8_t)rand_r(seed);
		p.len = (uint8_t)(96 + bits);
		p.addr.b[12] &= (uint8_t)(0xff00 >> bits);
	} else {
		p.addr.b[0] = (uint8_t)rand_r(seed);
		p.len = (uint8_t)bits;
		p.addr.b[0] &= (uint8_t)(0xff00 >> bits);
	}
	return p;
}

static void test_as_promised(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct prefix allow[12], deny[12];
		struct kern_guard g = { .allow = allow, .deny = deny };
		struct rule *rules;
		size_t n;

		for (unsigned want = (unsigned)rand_r(&seed) % 13; g.nallow < want; g.nallow++)
			allow[g.nallow] = random_prefix(&seed);
		for (unsigned want = (unsigned)rand_r(&seed) % 13; g.ndeny < want; g.ndeny++)
			deny[g.ndeny] = random_prefix(&seed);
		n = make_rules(&g, &rules);
		assert_true(n <= g.nallow + g.ndeny + 2);
		for (unsigned i = 0; i < 512; i++) {
			struct addr v4 = { .b = { [10] = 0xff, [11] = 0xff, [12] = (uint8_t)i, [15] = 1 } };
			struct addr v6 = { .b = { [0] = (uint8_t)i, [15] = 1 } };
			struct addr *a = i < 256 ? &v4 : &v6;

			assert_int_equal(lookup(rules, n, a), promised(&g, a));
		}
		free(rules);
	}
}

static void test_rates(void **state)
{
	const uint64_t second = (uint64_t)250 << LB_TIME_SHIFT;
	struct rate r = rate_of(0, 100, 250);

	(void)state;
	assert_int_equal(r.cost, 0);
	r = rate_of(10, 0, 250);
	assert_int_equal(r.cost, second / 10);
	assert_int_equal(r.room, 9 * (second / 10));
	r = rate_of(10, 1, 250);
	assert_int_equal(r.room, 0);
	r = rate_of(1000000, 1, 250); /* 4000 arrive in a jiffy */
	assert_int_equal(r.room / r.cost, 4000);
	r = rate_of(100000000, 0, 100);
	assert_true(r.cost > 0);
	assert_int_equal(source_buckets(64), 16);
	assert_int_equal(source_buckets(65536), 16384);
}

/* ---- real maps ---- */

static char pin_path[64];

static struct kern *open_with(const struct kern_guard *g)
{
	struct kern_conf c = { .pin_path = pin_path,
			       .max_services = 4,
			       .max_backends = 8,
			       .max_flows = 64,
			       .maglev_size = 251,
			       .tcp_timeout_ns = 1000000000,
			       .udp_timeout_ns = 30000000000u,
			       .snat_port_lo = 10000,
			       .snat_port_hi = 10010,
			       .guard = *g };
	struct err_list errs;
	struct kern *k;

	if (kern_probe()[0])
		skip();
	snprintf(pin_path, sizeof(pin_path), "/sys/fs/bpf/sluice_test_%d", (int)getpid());
	err_init(&errs);
	if (kern_open(&c, &k, &errs) != 0) {
		err_print(&errs, stderr);
		fail();
	}
	err_free(&errs);
	return k;
}

static unsigned in_force(struct kern *k, const char *text)
{
	struct live *l = container_of(k, struct live, kern);
	struct addr a = ip(text);
	struct lb_prefix key = { .bits = 128, .addr = table_addr(&a) };
	uint32_t zero = 0, id, word = LB_SOURCE_PASS;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(l->object->maps.guard_prefixes), &zero, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	(void)bpf_map_lookup_elem(fd, &key, &word);
	close(fd);
	return word;
}

static void test_lists_are_replaced(void **state)
{
	const struct prefix deny[] = { pfx("10.0.0.0/8") }, allow[] = { pfx("192.0.2.0/24"), pfx("2001:db8::/32") };
	const struct kern_guard first = { .filter = true, .deny = deny, .ndeny = 1 };
	const struct kern_guard second = { .filter = true, .allow = allow, .nallow = 2 };
	struct kern *k = open_with(&first);
	struct err_list errs;

	(void)state;
	err_init(&errs);
	assert_int_equal(in_force(k, "10.9.9.9"), LB_SOURCE_DENIED);
	assert_int_equal(in_force(k, "192.0.2.9"), LB_SOURCE_PASS);
	assert_int_equal(k->ops->guard(k, &second, &errs), 0);
	assert_int_equal(in_force(k, "10.9.9.9"), LB_SOURCE_NOT_ALLOWED);
	assert_int_equal(in_force(k, "192.0.2.9"), LB_SOURCE_PASS);
	assert_int_equal(in_force(k, "2001:db8::9"), LB_SOURCE_PASS);
	assert_int_equal(in_force(k, "2001:db9::9"), LB_SOURCE_NOT_ALLOWED);
	err_free(&errs);
	k->ops->close(k, false);
}

struct wanted {
	const char *name;
	uint64_t value;
};

static void note(void *ctx, const struct kern_count *c)
{
	struct wanted *w = ctx;

	if (strcmp(c->name, w->name) == 0)
		w->value = c->value;
}

static uint64_t counted(struct kern *k, const char *name)
{
	struct wanted w = { name, UINT64_MAX };

	k->ops->counts(k, note, &w);
	return w.value;
}

/* The size asked for at 100,000 prefixes, and another size of the table at the next start over the same pins. */
static void test_many_prefixes_and_other_sizes(void **state)
{
	const size_t n = 100000;
	struct prefix *deny = mem_zalloc(n * sizeof(*deny));
	struct kern_guard g = { .filter = true, .deny = deny, .ndeny = n, .packets_per_second = 5, .max_sources = 64 };
	struct timespec a, b;
	struct kern *k;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		deny[i] = (struct prefix){ .addr = { .b = { [10] = 0xff, [11] = 0xff, [12] = 11 } }, .len = 120 };
		deny[i].addr.b[12] = (uint8_t)(11 + (i >> 16));
		deny[i].addr.b[13] = (uint8_t)(i >> 8);
		deny[i].addr.b[14] = (uint8_t)i;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	k = open_with(&g);
	clock_gettime(CLOCK_MONOTONIC, &b);
	print_message("opened with %zu prefixes in %ld ms\n", n,
		      (long)((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000));
	assert_int_equal(in_force(k, "11.0.0.1"), LB_SOURCE_DENIED);
	assert_int_equal(in_force(k, "12.134.159.1"), LB_SOURCE_DENIED);
	assert_int_equal(in_force(k, "12.134.160.1"), LB_SOURCE_PASS);
	assert_int_equal(counted(k, "sluice_kernel_deny_prefixes"), n);
	assert_int_equal(counted(k, "sluice_kernel_untracked_packets_total"), 0);
	k->ops->close(k, true);
	g.max_sources = 4096;
	g.filter = false;
	k = open_with(&g);
	assert_int_equal(counted(k, "sluice_kernel_deny_prefixes"), 0); /* the program does not look at lists */
	k->ops->close(k, false);
	free(deny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_repetitions_are_left_out),
		cmocka_unit_test(test_deepest_nesting),
		cmocka_unit_test(test_as_promised),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_lists_are_replaced),
		cmocka_unit_test(test_many_prefixes_and_other_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
