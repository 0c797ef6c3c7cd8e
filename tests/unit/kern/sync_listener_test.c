/* Shares per CPU; and listeners on real maps (root), with the loopback addresses that every host has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "kern/sync_listener.c"

static char pin_path[64];

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_parse(str_of(text), &e), 0);
	return e;
}

static void test_shares(void **state)
{
	(void)state;
	assert_int_equal(per_cpu(0, 4), 0);
	assert_int_equal(per_cpu(1, 4), 1);
	assert_int_equal(per_cpu(4, 4), 1);
	assert_int_equal(per_cpu(1000, 4), 250);
	assert_int_equal(per_cpu(1000, -1), 1000);
}

static struct kern *open_with(const struct endpoint *listeners, size_t n, uint32_t syns)
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
			       .guard = { .syn_cookies = syns },
			       .listeners = listeners,
			       .nlisteners = n };
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
	assert_int_equal(errs.n > 0, syns && !listener_cookies_ready());
	err_free(&errs);
	return k;
}

static bool known(const struct live *l, const char *text)
{
	struct endpoint e = at(text);
	struct lb_listener key = { .addr = table_addr(&e.addr), .port = htons(e.port) };
	uint32_t round;

	return bpf_map_lookup_elem(bpf_map__fd(l->object->maps.listeners), &key, &round) == 0;
}

static void test_any_address_is_each_of_the_hosts(void **state)
{
	const struct endpoint listeners[] = { at(":80"), at("0.0.0.0:81"), at("192.0.2.7:82") };
	struct kern *k = open_with(listeners, ARRAY_LEN(listeners), 100);
	struct live *l = container_of(k, struct live, kern);

	(void)state;
	assert_true(known(l, "127.0.0.1:80"));
	assert_true(known(l, "127.0.0.1:81"));
	assert_false(known(l, "127.0.0.1:82"));
	assert_false(known(l, "[::1]:81"));
	assert_true(known(l, "192.0.2.7:82"));
	assert_false(known(l, "192.0.2.7:80"));
	assert_false(known(l, "0.0.0.0:80"));
	assert_false(known(l, "[::]:80"));
	k->ops->close(k, false);
}

static void test_what_is_gone_goes(void **state)
{
	const struct endpoint listeners[] = { at("192.0.2.7:80"), at("[2001:db8::7]:80"), at("192.0.2.8:80") };
	struct kern *k = open_with(listeners, ARRAY_LEN(listeners), 100);
	struct live *l = container_of(k, struct live, kern);

	(void)state;
	l->listeners[0] = at("192.0.2.9:80");
	l->nlisteners = 2;
	assert_int_equal(sync_listener(l), 0);
	assert_true(known(l, "192.0.2.9:80"));
	assert_true(known(l, "[2001:db8::7]:80"));
	assert_false(known(l, "192.0.2.7:80"));
	assert_false(known(l, "192.0.2.8:80"));
	k->ops->close(k, false);
}

static void test_off_it_costs_nothing(void **state)
{
	const struct endpoint listeners[] = { at("192.0.2.7:80") };
	struct kern *k = open_with(listeners, 1, 0);
	struct live *l = container_of(k, struct live, kern);

	(void)state;
	assert_false(known(l, "192.0.2.7:80"));
	assert_int_equal(bpf_map__max_entries(l->object->maps.listeners), 1);
	assert_int_equal(l->object->rodata->knob_syn_cookies, 0);
	k->ops->close(k, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_any_address_is_each_of_the_hosts),
		cmocka_unit_test(test_what_is_gone_goes),
		cmocka_unit_test(test_off_it_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
