/* Rules and routes in a namespace of the test's own, counted by dumps. Needs root, else every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include "kern/probe_route.c"
#include "netns.h"
#include "probe.skel.h"

#define FOREIGN 4 /* RTPROT_STATIC */

static const struct kern_probe where = { .mark = 0x12340000, .table = 5000, .priority = 700 };

struct fixture {
	struct rtnl *ask;
	struct probe_bpf *object;
	int prog;
};

static struct fixture setup(void)
{
	struct fixture f;

	if (kern_probe()[0] || !netns_enter())
		skip();
	shell("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
	assert_int_equal(rtnl_open(&f.ask), 0);
	f.object = probe_bpf__open_and_load();
	assert_non_null(f.object);
	f.prog = bpf_program__fd(f.object->progs.sluice_probe);
	return f;
}

static void teardown(struct fixture *f)
{
	probe_route_remove(f->ask, &where);
	rtnl_close(&f->ask);
	probe_bpf__destroy(f->object);
}

static void expect(uint8_t af, unsigned rules, unsigned detours, unsigned refusals)
{
	struct netns_count c = netns_count(af, where.table, PROBE_ROUTE_PROTOCOL);

	assert_int_equal(c.rules, rules);
	assert_int_equal(c.detours, detours);
	assert_int_equal(c.refusals, refusals);
}

static int put(struct fixture *f, const struct kern_probe *p, bool six, const char *interface)
{
	return probe_route_put(f->ask, p, six, if_nametoindex(interface), f->prog);
}

static void test_put_twice_is_there_once(void **state)
{
	struct fixture f = setup();

	(void)state;
	expect(AF_INET, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(&f, &where, false, "v0"), 0);
		assert_int_equal(put(&f, &where, true, "v0"), 0);
		expect(AF_INET, 1, 1, 1);
		expect(AF_INET6, 1, 1, 1);
	}
	assert_int_equal(put(&f, &where, false, "v1"), 0); /* moves */
	assert_int_equal(put(&f, &where, true, "v1"), 0);
	expect(AF_INET, 1, 1, 1);
	expect(AF_INET6, 1, 1, 1);
	probe_route_remove(f.ask, &where);
	expect(AF_INET, 0, 0, 0);
	expect(AF_INET6, 0, 0, 0);
	teardown(&f);
}

static void test_marked_packets_are_refused_without_the_interface(void **state)
{
	struct fixture f = setup();

	(void)state;
	shell("ip route add default dev v1");
	assert_int_equal(put(&f, &where, false, "v0"), 0);
	shell("ip route get 203.0.113.1 mark 0x12340001 | grep -q 'encap bpf'");
	shell("ip route get 203.0.113.1 | grep -q 'dev v1'");
	shell("ip link set v0 down");
	expect(AF_INET, 1, 0, 1);
	shell("! ip route get 203.0.113.1 mark 0x12340001 2>/dev/null");
	shell("ip link set v0 up");
	assert_int_equal(put(&f, &where, false, "v0"), 0);
	expect(AF_INET, 1, 1, 1);
	teardown(&f);
}

/* Others' rules and routes stay, even in our table. */
static void test_removes_only_its_own(void **state)
{
	struct fixture f = setup();
	struct netns_count c;

	(void)state;
	shell("ip rule add fwmark 0x12340000/0xffff0000 table 5000 protocol static priority 701");
	shell("ip route add unreachable 203.0.113.0/24 table 5000 proto static");
	assert_int_equal(put(&f, &where, false, "v0"), 0);
	probe_route_remove(f.ask, &where);
	expect(AF_INET, 0, 0, 0);
	c = netns_count(AF_INET, where.table, FOREIGN);
	assert_int_equal(c.rules, 1);
	assert_int_equal(c.refusals, 1);
	teardown(&f);
}

static void test_an_interface_that_is_not_there(void **state)
{
	struct fixture f = setup();

	(void)state;
	assert_true(put(&f, &where, false, "v9") < 0);
	expect(AF_INET, 0, 0, 1); /* no rule without its route */
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_twice_is_there_once),
		cmocka_unit_test(test_marked_packets_are_refused_without_the_interface),
		cmocka_unit_test(test_removes_only_its_own),
		cmocka_unit_test(test_an_interface_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
