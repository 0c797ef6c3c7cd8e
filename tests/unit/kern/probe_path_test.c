/* The way of a check on real maps, rules and routes, in a namespace of the test's own; no packet is sent. Needs root,
 * else every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "kern/probe_path.c"
#include "kern/unload.h"
#include "netns.h"

#define TABLE 5001

static char pin_path[64];

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(str_of(text), &e), 0);
	return e;
}

static struct kern *open_again(void)
{
	struct kern_conf c = { .pin_path = pin_path,
			       .max_services = 4,
			       .max_backends = 8,
			       .max_flows = 64,
			       .maglev_size = 251,
			       .udp_timeout_ns = 30000000000u,
			       .snat_port_lo = 10000,
			       .snat_port_hi = 10010,
			       .probe = { .mark = 0x43210000, .table = TABLE, .priority = 701 } };
	struct err_list errs;
	struct kern *k;

	err_init(&errs);
	if (kern_open(&c, &k, &errs) != 0) {
		err_print(&errs, stderr);
		fail();
	}
	err_free(&errs);
	return k;
}

/* v0 198.18.1.1 and fd00:1::1, with servers behind it; v2 with the default route. */
static struct kern *setup(void)
{
	if (kern_probe()[0] || !netns_enter())
		skip();
	snprintf(pin_path, sizeof(pin_path), "/sys/fs/bpf/sluice_test_%d", (int)getpid());
	shell("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
	shell("ip link add v2 type veth peer name v3 && ip link set v2 up && ip link set v3 up");
	shell("for i in all v0; do echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter; done");
	shell("ip addr add 198.18.1.1/24 dev v0 && ip addr add fd00:1::1/64 dev v0 nodad");
	shell("ip addr add 198.18.2.1/24 dev v2 && ip route add default via 198.18.2.2");
	return open_again();
}

static const struct kern_backend *servers(void)
{
	static struct kern_backend b[2];

	b[0] = (struct kern_backend){ at("198.18.1.11:80"), 1, true };
	b[1] = (struct kern_backend){ at("198.18.1.12:80"), 1, true };
	return b;
}

static struct kern_service service(enum kern_forwarding f)
{
	return (struct kern_service){ .name = "s",
				      .vip = at("198.18.0.10:80"),
				      .proto = KERN_TCP,
				      .forwarding = f,
				      .checked = true,
				      .backends = servers(),
				      .nbackends = 2 };
}

static void sync_one(struct kern *k, const struct kern_service *s, size_t n)
{
	struct err_list errs;

	err_init(&errs);
	assert_int_equal(k->ops->sync(k, s, n, &errs), 0);
	err_free(&errs);
}

static int find(struct kern *k, const struct kern_service *s, const char *server, struct kern_probe_path *ret)
{
	struct endpoint e = at(server);

	return k->ops->probe_path(k, s, &e, ret);
}

static void expect(uint8_t family, unsigned each)
{
	struct netns_count c = netns_count(family, TABLE, PROBE_ROUTE_PROTOCOL);

	assert_int_equal(c.rules, each);
	assert_int_equal(c.detours, each);
	assert_int_equal(c.refusals, each);
}

static void test_each_server_has_a_mark_and_all_one_rule(void **state)
{
	struct kern *k = setup();
	struct kern_service s = service(KERN_IPIP);
	struct kern_probe_path a, b;
	struct addr from;

	(void)state;
	sync_one(k, &s, 1);
	expect(AF_INET, 0); /* nobody has asked */
	assert_int_equal(find(k, &s, "198.18.1.11:80", &a), 0);
	assert_int_equal(find(k, &s, "198.18.1.12:80", &b), 0);
	assert_int_equal(addr_parse(str_of("198.18.1.1"), &from), 0);
	assert_true(addr_eq(&a.from, &from) && addr_eq(&b.from, &from));
	assert_int_equal(a.mark, 0x43210000);
	assert_int_equal(b.mark, 0x43210001);
	assert_int_equal(a.hops, 2);
	assert_int_equal(find(k, &s, "198.18.1.13:80", &b), -ENOENT);
	expect(AF_INET, 1);
	expect(AF_INET6, 0);
	s.checked = false;
	sync_one(k, &s, 1);
	expect(AF_INET, 0);
	s.checked = true;
	sync_one(k, &s, 1);
	assert_int_equal(find(k, &s, "198.18.1.11:80", &a), 0);
	expect(AF_INET, 1);
	shell("ip link set v0 down && ip link set v0 up"); /* takes the route along */
	assert_int_equal(find(k, &s, "198.18.1.11:80", &a), 0);
	expect(AF_INET, 1);
	k->ops->close(k, true); /* forwarding stays, checks end */
	expect(AF_INET, 0);
	k = open_again();
	k->ops->close(k, false);
}

/* What SIGKILL leaves: nothing is closed. Nor freed, so this is done in a child. */
static void leave_behind(void)
{
	struct kern *k = open_again();
	struct kern_service s = service(KERN_IPIP);
	struct kern_probe_path path;

	sync_one(k, &s, 1);
	assert_int_equal(find(k, &s, "198.18.1.11:80", &path), 0);
	_exit(0);
}

static void run_killed(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		leave_behind();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect(AF_INET, 1);
}

static void test_a_killed_run_leaves_nothing_to_the_next(void **state)
{
	struct kern *k = setup();
	struct err_list errs;

	(void)state;
	k->ops->close(k, true);
	run_killed();
	k = open_again();
	expect(AF_INET, 0);
	k->ops->close(k, true);
	run_killed();
	err_init(&errs);
	assert_int_equal(unload_all(pin_path, &errs), 0);
	err_free(&errs);
	expect(AF_INET, 0);
	assert_int_equal(access(pin_path, F_OK), -1);
}

static void test_not_where_the_server_sees_our_address(void **state)
{
	static const enum kern_forwarding modes[] = { KERN_SNAT, KERN_DNAT };
	struct kern *k = setup();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct kern_service s = service(modes[i]);
		struct kern_probe_path path;

		sync_one(k, &s, 1);
		assert_int_equal(find(k, &s, "198.18.1.11:80", &path), -EOPNOTSUPP);
		assert_string_equal(path.problem, "");
	}
	expect(AF_INET, 0);
	k->ops->close(k, false);
}

static void test_what_is_in_the_way_is_told(void **state)
{
	static const struct {
		const char *before, *after;
		int r;
		const char *problem;
	} rows[] = {
		{ "ip addr add 198.18.0.10/32 dev lo", "ip addr del 198.18.0.10/32 dev lo", -EADDRINUSE,
		  "the virtual address is one of this host's own" },
		{ "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter", "echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter",
		  -EXDEV, "rp_filter of v0 would drop the answers: it is strict" },
		{ "echo 2 > /proc/sys/net/ipv4/conf/v0/rp_filter", "echo 0 > /proc/sys/net/ipv4/conf/v0/rp_filter", 0,
		  "" },
		{ "echo 2 > /proc/sys/net/ipv4/conf/v0/rp_filter; ip route del default",
		  "echo 0 > /proc/sys/net/ipv4/conf/v0/rp_filter; ip route add default via 198.18.2.2", -EXDEV,
		  "this host has no route to the virtual address; sysctl net.ipv4.conf.v0.rp_filter=2, and a default "
		  "route" },
		{ "echo 1 > /proc/sys/net/ipv4/conf/v0/rp_filter; ip route add 198.18.0.10 via 198.18.1.9",
		  "echo 0 > /proc/sys/net/ipv4/conf/v0/rp_filter; ip route del 198.18.0.10", 0, "" },
		{ "ip addr del 198.18.1.1/24 dev v0; ip route del default",
		  "ip addr add 198.18.1.1/24 dev v0; ip route add default via 198.18.2.2", -ENETUNREACH, "" },
	};
	struct kern *k = setup();
	struct kern_service s = service(KERN_GUE);

	(void)state;
	sync_one(k, &s, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kern_probe_path path;

		shell(rows[i].before);
		assert_int_equal(find(k, &s, "198.18.1.11:80", &path), rows[i].r);
		if (rows[i].problem[0] ? !strstr(path.problem, rows[i].problem) : path.problem[0])
			fail_msg("%s, not %s", path.problem, rows[i].problem);
		shell(rows[i].after);
	}
	k->ops->close(k, false);
}

/* The source is of the VIP's family, whatever the server's. */
static void test_servers_of_the_other_family(void **state)
{
	struct kern *k = setup();
	struct kern_backend b[] = { { at("198.18.1.11:80"), 1, true }, { at("[fd00:1::11]:80"), 1, true } };
	struct kern_service s = service(KERN_IPIP);
	struct kern_probe_path path;
	struct addr from;

	(void)state;
	s.vip = at("[fd00::10]:80");
	s.backends = b;
	sync_one(k, &s, 1);
	assert_int_equal(addr_parse(str_of("fd00:1::1"), &from), 0);
	assert_int_equal(find(k, &s, "[fd00:1::11]:80", &path), 0);
	assert_true(addr_eq(&path.from, &from));
	expect(AF_INET6, 1);
	expect(AF_INET, 0);
	assert_int_equal(find(k, &s, "198.18.1.11:80", &path), -ENETUNREACH);
	assert_non_null(strstr(path.problem, "of another family than the server"));
	shell("ip route add fd00::/64 via fd00:1::2");
	assert_int_equal(find(k, &s, "198.18.1.11:80", &path), 0);
	assert_true(addr_eq(&path.from, &from));
	k->ops->close(k, false);
	expect(AF_INET6, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_server_has_a_mark_and_all_one_rule),
		cmocka_unit_test(test_a_killed_run_leaves_nothing_to_the_next),
		cmocka_unit_test(test_not_where_the_server_sees_our_address),
		cmocka_unit_test(test_what_is_in_the_way_is_told),
		cmocka_unit_test(test_servers_of_the_other_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
