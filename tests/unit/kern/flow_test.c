/* Decoding entries of the flow table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "kern/flow.c"

static struct lb_addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), 0);
	return table_addr(&a);
}

static struct table world(struct lb_backend *b)
{
	*b = (struct lb_backend){
		.addr = addr("198.18.1.11"),
		.snat = addr("198.18.1.1"),
		.old_snat = addr("198.18.1.2"),
		.vip = addr("198.18.0.10"),
		.port = htons(8080),
		.service = 3,
		.source = 2,
		.old_source = 1,
		.gen = 7,
		.flags = LB_BACKEND_USED | LB_BACKEND_UP,
	};
	return (struct table){ .backends = b, .nbackends = 1 };
}

static struct lb_flow entry(void)
{
	return (struct lb_flow){
		.client = addr("198.18.0.2"),
		.port = htons(40000),
		.snat_port = htons(10001),
		.gen = 7,
		.proto = IPPROTO_TCP,
		.tcp = LB_TCP_SYN | LB_TCP_ACKED,
		.source = 2,
		.seen = 1000,
		.vport = htons(80),
	};
}

static void check(const struct endpoint *at, const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_print(at, text);
	assert_string_equal(text, expected);
}

static void test_a_flow(void **state)
{
	const struct clock clock = { .now = 3500, .hz = 250 };
	struct lb_backend b;
	struct table t = world(&b);
	struct lb_flow e = entry();
	struct flow f;

	(void)state;
	assert_true(decode(&e, &t, &clock, &f));
	check(&f.client, "198.18.0.2:40000");
	check(&f.vip, "198.18.0.10:80");
	check(&f.source, "198.18.1.1:10001");
	check(&f.backend, "198.18.1.11:8080");
	assert_int_equal(f.service_id, 3);
	assert_int_equal(f.idle_s, 10);
	assert_string_equal(f.state, "established");
}

static void test_sources(void **state)
{
	const struct clock clock = { 0 };
	struct lb_backend b;
	struct table t = world(&b);
	struct lb_flow e = entry();
	struct flow f;

	(void)state;
	e.source = 1; /* began before our address changed */
	assert_true(decode(&e, &t, &clock, &f));
	check(&f.source, "198.18.1.2:10001");
	b.mode = LB_MODE_DNAT; /* the backend sees the client */
	e.snat_port = e.port;
	assert_true(decode(&e, &t, &clock, &f));
	check(&f.source, "198.18.0.2:40000");
}

static void test_what_is_no_flow(void **state)
{
	const struct clock clock = { 0 };
	struct lb_backend b;
	struct table t = world(&b);
	struct lb_flow e = entry();
	struct flow f;

	(void)state;
	e.flags = LB_FLOW_REVERSE;
	assert_false(decode(&e, &t, &clock, &f));
	e = entry();
	e.gen = 6; /* an earlier owner's */
	assert_false(decode(&e, &t, &clock, &f));
	e = entry();
	e.backend = 1; /* beyond the records */
	assert_false(decode(&e, &t, &clock, &f));
}

static void test_states_and_clock(void **state)
{
	static const struct {
		uint8_t tcp;
		const char *text;
	} rows[] = {
		{ LB_TCP_SYN, "opening" },
		{ LB_TCP_SYN | LB_TCP_ACKED, "established" },
		{ LB_TCP_ACKED | LB_TCP_FIN, "closing" },
		{ LB_TCP_ACKED | LB_TCP_FIN | LB_TCP_RST, "closed" },
	};
	struct lb_backend b;
	struct table t = world(&b);
	struct lb_flow e = entry();
	struct flow f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(tcp_state(rows[i].tcp), rows[i].text);
	e.proto = IPPROTO_UDP;
	assert_true(decode(&e, &t, &(struct clock){ 999, 250 }, &f)); /* seen after the clock was read */
	assert_int_equal(f.idle_s, 0);
	assert_string_equal(f.state, "");
	e.seen = 0xfffffff0; /* jiffies wrap */
	assert_true(decode(&e, &t, &(struct clock){ 484, 250 }, &f));
	assert_int_equal(f.idle_s, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_flow),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_what_is_no_flow),
		cmocka_unit_test(test_states_and_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
