/* CIDR sets: parsing, host bits, nesting, and the border between IPv4 and IPv6. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/prefix.c"
#include "base/rng.h"

static void parse_table(void **state)
{
	static const struct {
		const char *in;
		int len; /* -1: refused */
		const char *addr;
	} rows[] = {
		{ "10.1.2.3/8", 104, "10.0.0.0" },
		{ "192.0.2.1", 128, "192.0.2.1" },
		{ "192.0.2.129/25", 121, "192.0.2.128" },
		{ "0.0.0.0/0", 96, "0.0.0.0" },
		{ "fd00:1::5/8", 8, "fd00::" },
		{ "::1", 128, "::1" },
		{ "::ffff:10.1.2.3/104", 104, "10.0.0.0" },
		{ "10.0.0.0/33", -1, NULL },
		{ "::/129", -1, NULL },
		{ "10.0.0.0/", -1, NULL },
		{ "10.0.0.0/+8", -1, NULL },
		{ "10.0.0.0/8/8", -1, NULL },
		{ "10.0.0.0/ 8", -1, NULL },
		{ "10.0.0/8", -1, NULL },
		{ "[::1]/64", -1, NULL },
		{ "example.com", -1, NULL },
		{ "/8", -1, NULL },
		{ "", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[ADDR_TEXT_MAX];
		struct prefix p;
		int r = prefix_parse(str_of(rows[i].in), &p);

		if (rows[i].len < 0) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(p.len, rows[i].len);
		addr_print(&p.addr, text);
		assert_string_equal(text, rows[i].addr);
	}
}

static void fill(struct prefix_set *s, const char *list)
{
	struct str rest = str_of(list), e;
	struct prefix p;

	*s = (struct prefix_set){ 0 };
	while (str_next_element(&rest, &e)) {
		assert_int_equal(prefix_parse(e, &p), 0);
		prefix_set_add(s, &p);
	}
	prefix_set_finish(s);
}

static void membership(void **state)
{
	static const struct {
		const char *set, *addr;
		bool in;
	} rows[] = {
		{ "", "10.0.0.1", false },
		{ "10.0.0.0/8, 192.168.0.0/16", "10.255.255.255", true },
		{ "10.0.0.0/8, 192.168.0.0/16", "11.0.0.0", false },
		{ "10.0.0.0/8, 192.168.0.0/16", "9.255.255.255", false },
		{ "10.0.0.0/8, 10.1.0.0/16, 10.2.3.4", "10.200.0.1", true },
		{ "10.1.0.0/16, 10.0.0.0/8, 10.0.0.0/8", "10.200.0.1", true },
		{ "10.0.0.0/7", "11.1.1.1", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "0.0.0.0/0", "fd00::1", false },
		{ "::/0", "fd00::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "::/0, 10.0.0.0/8", "10.0.0.1", true },
		{ "::/0, 10.0.0.0/8", "11.0.0.1", false },
		{ "::/0, 10.0.0.0/8", "fd00::1", true },
		{ "::/0, 10.0.0.0/8, fd00::/8", "fd00::1", true },
		{ "::1, 10.0.0.0/8", "fd00::1", false },
		{ "fd00::/8", "fe00::", false },
		{ "fd00::/8", "fdff:ffff::1", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix_set s;
		struct addr a;

		fill(&s, rows[i].set);
		assert_int_equal(addr_parse(str_of(rows[i].addr), &a), 0);
		if (prefix_set_has(&s, &a) != rows[i].in)
			fail_msg("%s in {%s} should be %d", rows[i].addr, rows[i].set, rows[i].in);
		prefix_set_free(&s);
	}
}

static void overlaps_are_merged(void **state)
{
	struct prefix_set s;

	(void)state;
	fill(&s, "10.1.0.0/16, 10.0.0.0/8, 10.1.2.3, ::/0, fd00::/8, 10.0.0.0/8");
	assert_int_equal(s.n, 2);
	prefix_set_free(&s);
}

/* Against the obvious walk over all prefixes. */
static void agrees_with_linear_search(void **state)
{
	struct prefix all[40];
	struct prefix_set s = { 0 };
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct prefix *p = &all[i];

		memset(p->addr.b, 0, sizeof(p->addr.b));
		if (i % 2)
			p->addr = addr_any4;
		p->addr.b[i % 2 ? 12 : 0] = (uint8_t)(rng_u64(&rng) % 8);
		p->addr.b[i % 2 ? 13 : 1] = (uint8_t)rng_u64(&rng);
		p->len = (uint8_t)((i % 2 ? 96 : 0) + 5 + rng_u64(&rng) % 12);
		clear_host_bits(p);
		prefix_set_add(&s, p);
	}
	prefix_set_finish(&s);
	for (int k = 0; k < 20000; k++) {
		struct addr a = k % 2 ? addr_any4 : addr_any6;
		bool want = false;

		a.b[k % 2 ? 12 : 0] = (uint8_t)(rng_u64(&rng) % 10);
		a.b[k % 2 ? 13 : 1] = (uint8_t)rng_u64(&rng);
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			want |= covers(&all[i], &a);
		assert_int_equal(prefix_set_has(&s, &a), want);
	}
	prefix_set_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_table),
		cmocka_unit_test(membership),
		cmocka_unit_test(overlaps_are_merged),
		cmocka_unit_test(agrees_with_linear_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
