/* Health checks against real sockets on loopback, driven by a frozen clock: the test is the server, and nothing ever
 * sleeps. */
#include "backend/check.c"
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS	    NS_PER_MS
#define MAX_TARGETS 4

struct bench {
	struct loop loop;
	struct service service;
	struct target *targets[MAX_TARGETS];
	int listener[MAX_TARGETS];
	struct check_group *group;
	unsigned changes;
	struct target *changed;
	bool up;
	enum target_reason why;
	bool stop_in_callback;
	const struct check_way *way; /* of target 0; NULL: straight */
};

static bool way_of(void *ctx, struct service *s, struct target *t, struct check_way *ret)
{
	const struct bench *b = ctx;

	assert_ptr_equal(s, &b->service);
	if (!b->way || t != b->targets[0])
		return false;
	*ret = *b->way;
	return true;
}

static void changed(void *ctx, struct service *s, struct target *t, bool up, enum target_reason why)
{
	struct bench *b = ctx;

	assert_ptr_equal(s, &b->service);
	assert_int_equal(atomic_load(&t->up), up);
	assert_int_equal(atomic_load(&t->reason), why);
	b->changes++;
	b->changed = t;
	b->up = up;
	b->why = why;
	if (b->stop_in_callback)
		check_stop(&b->group);
}

static int listener_open(struct endpoint *ret_at)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&sa, ret_at), 0);
	return fd;
}

static void setup(struct bench *b, size_t n, const struct check_spec *spec)
{
	memset(b, 0, sizeof(*b));
	clock_freeze(1000 * NS_PER_S, 5 * NS_PER_S);
	assert_int_equal(loop_init(&b->loop), 0);
	loop_once(&b->loop, 0);
	for (size_t i = 0; i < n; i++) {
		struct endpoint at;
		char name[ENDPOINT_TEXT_MAX];

		b->listener[i] = listener_open(&at);
		endpoint_print(&at, name);
		b->targets[i] = target_new(name, &at, NULL, 1);
	}
	b->service.targets = b->targets;
	b->service.ntargets = n;
	b->group = check_start(&b->loop, &b->service, spec, changed, way_of, b);
}

static void teardown(struct bench *b)
{
	check_stop(&b->group);
	loop_once(&b->loop, 0);
	for (size_t i = 0; i < b->service.ntargets; i++) {
		if (b->listener[i] >= 0)
			close(b->listener[i]);
		target_unref(&b->targets[i]);
	}
	loop_free(&b->loop);
	clock_thaw();
}

/* Moves time in steps small enough that no deadline is skipped, then lets events that are already there be seen. */
static void pass_ms(struct bench *b, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		clock_advance(MS);
		loop_once(&b->loop, 0);
	}
	for (int i = 0; i < 8; i++)
		loop_once(&b->loop, 0);
}

static int accept_probe(struct bench *b, size_t i)
{
	int fd = accept4(b->listener[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void no_probe(struct bench *b, size_t i)
{
	assert_int_equal(accept4(b->listener[i], NULL, NULL, SOCK_NONBLOCK), -1);
	assert_int_equal(errno, EAGAIN);
}

static const struct check_spec http_spec = {
	.kind = CHECK_HTTP,
	.interval_ns = 1000 * MS,
	.timeout_ns = 300 * MS,
	.healthy_threshold = 1,
	.unhealthy_threshold = 1,
	.path = "/health",
	.method = "GET",
};

/* Runs one whole check against target 0: waits for its connection, answers, and returns what it asked. */
static void exchange(struct bench *b, const char *answer, char *request, size_t cap)
{
	int fd, tries = 0;
	ssize_t n;

	while ((fd = accept4(b->listener[0], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
		assert_true(++tries < 3000);
		pass_ms(b, 1);
	}
	pass_ms(b, 0);
	n = recv(fd, request, cap - 1, 0);
	request[n > 0 ? n : 0] = '\0';
	if (answer)
		assert_int_equal(send(fd, answer, strlen(answer), MSG_NOSIGNAL), (ssize_t)strlen(answer));
	close(fd);
	pass_ms(b, 0);
}

static void test_http_request_text(void **state)
{
	const char *names[] = { "X-Probe", "user-agent" }, *values[] = { "1", "me" };
	struct check_spec spec = http_spec;
	struct bench b;
	char got[1024], want[1024];

	(void)state;
	spec.path = "ready?x=1";
	spec.hostname = "shop.test";
	spec.header_names = names;
	spec.header_values = values;
	spec.nheaders = 2;
	setup(&b, 1, &spec);
	exchange(&b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", got, sizeof(got));
	snprintf(want, sizeof(want),
		 "GET /ready?x=1 HTTP/1.1\r\nHost: shop.test\r\nX-Probe: 1\r\nuser-agent: me\r\nConnection: "
		 "close\r\n\r\n");
	assert_string_equal(got, want);
	assert_int_equal(b.changes, 0);
	assert_int_equal(atomic_load(&b.targets[0]->reason), TARGET_CHECK_OK);
	teardown(&b);
}

static void test_http_answers(void **state)
{
	static const struct {
		const char *answer;
		int status;
		bool up;
		enum target_reason why;
	} rows[] = {
		{ "HTTP/1.1 204 No Content\r\n\r\n", 0, true, TARGET_CHECK_OK },
		{ "HTTP/1.1 399 X\r\n\r\n", 0, true, TARGET_CHECK_OK },
		{ "HTTP/1.1 400 X\r\n\r\n", 0, false, TARGET_BAD_STATUS },
		{ "HTTP/1.1 200 OK\r\n\r\n", 503, false, TARGET_BAD_STATUS },
		{ "HTTP/1.1 503 Oops\r\n\r\n", 503, true, TARGET_CHECK_OK },
		{ "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 0, true, TARGET_CHECK_OK },
		{ "HTTP/1.0 200 OK\r\n\r\nbody that nobody reads", 0, true, TARGET_CHECK_OK },
		{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, false, TARGET_BAD_ANSWER },
		{ "HTTP/1.1 200 OK\r\nContent-Len", 0, false, TARGET_CLOSED_EARLY },
		{ NULL, 0, false, TARGET_CLOSED_EARLY },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct check_spec spec = http_spec;
		struct bench b;
		char got[1024];

		spec.status = rows[i].status;
		setup(&b, 1, &spec);
		exchange(&b, rows[i].answer, got, sizeof(got));
		assert_int_equal(atomic_load(&b.targets[0]->up), rows[i].up);
		assert_int_equal(atomic_load(&b.targets[0]->reason), rows[i].why);
		assert_int_equal(b.changes, rows[i].up ? 0 : 1);
		teardown(&b);
	}
}

static void test_endless_head_is_bounded(void **state)
{
	struct bench b;
	char junk[CHECK_MAX_ANSWER + 100];
	int fd;

	(void)state;
	memset(junk, 'a', sizeof(junk));
	memcpy(junk, "HTTP/1.1 200 OK\r\nX: ", 20);
	setup(&b, 1, &http_spec);
	pass_ms(&b, 1);
	fd = accept_probe(&b, 0);
	assert_int_equal(send(fd, junk, sizeof(junk), MSG_NOSIGNAL), sizeof(junk));
	pass_ms(&b, 1);
	assert_int_equal(b.why, TARGET_BAD_ANSWER);
	close(fd);
	teardown(&b);
}

static void test_thresholds(void **state)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n", bad[] = "HTTP/1.1 500 X\r\n\r\n";
	static const struct {
		const char *answer;
		bool up_after;
	} rows[] = { { ok, true },   { bad, true }, { bad, true },  { ok, true }, /* the streak starts anew */
		     { bad, true },  { bad, true }, { bad, false }, { ok, false },
		     { bad, false }, { ok, false }, { ok, true } };
	struct check_spec spec = http_spec;
	struct bench b;
	char got[1024];

	(void)state;
	spec.unhealthy_threshold = 3;
	spec.healthy_threshold = 2;
	setup(&b, 1, &spec);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		exchange(&b, rows[i].answer, got, sizeof(got));
		assert_int_equal(atomic_load(&b.targets[0]->up), rows[i].up_after);
	}
	assert_int_equal(b.changes, 2);
	assert_true(b.up);
	assert_int_equal(atomic_load(&b.targets[0]->changed_wall_ns), clock_wall_ns());
	teardown(&b);
}

static void test_refused_and_back(void **state)
{
	struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 100 * MS, .timeout_ns = 50 * MS };
	struct sockaddr_storage sa;
	struct bench b;
	int on = 1;
	socklen_t len;

	(void)state;
	setup(&b, 1, &spec);
	close(b.listener[0]);
	pass_ms(&b, 2);
	assert_int_equal(b.changes, 1);
	assert_int_equal(b.why, TARGET_CONNECT_REFUSED);
	assert_false(b.up);

	b.listener[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(b.listener[0], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	len = endpoint_to_sockaddr(&b.targets[0]->at, &sa);
	assert_int_equal(bind(b.listener[0], (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(b.listener[0], 4), 0);
	pass_ms(&b, 100);
	assert_int_equal(b.changes, 2);
	assert_true(b.up);
	assert_int_equal(b.why, TARGET_CHECK_OK);
	teardown(&b);
}

static void test_silent_server_times_out_and_checks_never_overlap(void **state)
{
	struct check_spec spec = http_spec;
	struct bench b;
	char byte;
	int fd;

	(void)state;
	spec.interval_ns = 100 * MS;
	spec.timeout_ns = 250 * MS;
	setup(&b, 1, &spec);
	pass_ms(&b, 1);
	fd = accept_probe(&b, 0);
	pass_ms(&b, 248);
	no_probe(&b, 0); /* two intervals have passed, yet the first check is still on */
	assert_int_equal(b.changes, 0);
	pass_ms(&b, 3);
	assert_int_equal(b.changes, 1);
	assert_int_equal(b.why, TARGET_ANSWER_TIMEOUT);
	while (recv(fd, &byte, 1, 0) > 0)
		; /* the request */
	close(fd);
	close(accept_probe(&b, 0)); /* the next one follows at once */
	teardown(&b);
}

static void test_unanswered_connect_times_out(void **state)
{
	struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 1000 * MS, .timeout_ns = 200 * MS };
	struct bench b;
	struct sockaddr_storage sa;
	socklen_t len;
	int fill[3];

	(void)state;
	setup(&b, 1, &spec);
	/* A full accept queue: SYNs go unanswered. */
	assert_int_equal(listen(b.listener[0], 0), 0);
	len = endpoint_to_sockaddr(&b.targets[0]->at, &sa);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&sa, len);
	}
	pass_ms(&b, 202);
	assert_int_equal(b.changes, 1);
	assert_int_equal(b.why, TARGET_CONNECT_TIMEOUT);
	for (size_t i = 0; i < ARRAY_LEN(fill); i++)
		close(fill[i]);
	teardown(&b);
}

static void test_tcp_send_expect(void **state)
{
	static const struct {
		const char *send, *expect, *answer;
		enum target_reason why;
	} rows[] = {
		{ "PING\r\n", "+PONG\r\n", "+PONG\r\n", TARGET_CHECK_OK },
		{ "PING\r\n", "+PONG", "+PONG and more", TARGET_CHECK_OK },
		{ "PING\r\n", "+PONG\r\n", "-ERR\r\n", TARGET_UNEXPECTED_DATA },
		{ NULL, "220 ", "22", TARGET_CLOSED_EARLY },
		{ "x", NULL, NULL, TARGET_CHECK_OK },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 100 * MS, .timeout_ns = 50 * MS };
		struct bench b;
		char got[64];

		spec.send = rows[i].send;
		spec.expect = rows[i].expect;
		setup(&b, 1, &spec);
		exchange(&b, rows[i].answer, got, sizeof(got));
		assert_string_equal(got, rows[i].send ? rows[i].send : "");
		assert_int_equal(atomic_load(&b.targets[0]->reason), rows[i].why);
		teardown(&b);
	}
}

static void test_checks_are_spread_and_repeat(void **state)
{
	struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 400 * MS, .timeout_ns = 100 * MS };
	struct bench b;

	(void)state;
	setup(&b, 4, &spec);
	for (size_t i = 0; i < 4; i++) {
		pass_ms(&b, i ? 100 : 1);
		close(accept_probe(&b, i));
		for (size_t k = i + 1; k < 4; k++)
			no_probe(&b, k);
	}
	no_probe(&b, 0);
	pass_ms(&b, 100);
	close(accept_probe(&b, 0));
	teardown(&b);
}

static void test_port_of_the_check(void **state)
{
	struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 100 * MS, .timeout_ns = 50 * MS };
	struct endpoint other;
	struct bench b;
	int fd = listener_open(&other);

	(void)state;
	spec.port = other.port;
	setup(&b, 1, &spec);
	pass_ms(&b, 2);
	no_probe(&b, 0);
	b.listener[1] = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(b.listener[1] >= 0);
	close(b.listener[1]);
	close(fd);
	teardown(&b);
}

static struct endpoint client_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct endpoint e;

	assert_int_equal(getpeername(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&sa, &e), 0);
	return e;
}

static void test_way_of_the_check(void **state)
{
	struct check_spec spec = {
		.kind = CHECK_TCP, .interval_ns = 100 * MS, .timeout_ns = 50 * MS, .expect = "hello"
	};
	struct check_way way = { .mark = geteuid() == 0 ? 0x51ce0007 : 0, .hops = 2 }; /* only root may mark */
	uint32_t mark = 0;
	int hops = 0;
	socklen_t len = sizeof(mark);
	struct endpoint client;
	struct bench b;
	char byte;
	int fd;

	(void)state;
	setup(&b, 2, &spec);
	way.to = b.targets[1]->at;
	assert_int_equal(addr_parse(str_of("127.0.0.2"), &way.from), 0);
	b.way = &way;
	pass_ms(&b, 1);
	no_probe(&b, 0);
	fd = accept_probe(&b, 1);
	client = client_of(fd);
	assert_true(addr_eq(&client.addr, &way.from));
	assert_int_equal(getsockopt(b.group->probes[0].conn.watch.fd, SOL_SOCKET, SO_MARK, &mark, &len), 0);
	assert_int_equal(mark, way.mark);
	assert_int_equal(getsockopt(b.group->probes[0].conn.watch.fd, IPPROTO_IP, IP_TTL, &hops, &len), 0);
	assert_int_equal(hops, 2);
	assert_int_equal(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	pass_ms(&b, 0);
	assert_int_equal(atomic_load(&b.targets[0]->reason), TARGET_CHECK_OK);
	assert_int_equal(recv(fd, &byte, 1, 0), -1); /* a reset holds no port */
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	b.way = NULL; /* asked before each check */
	pass_ms(&b, 100);
	fd = accept_probe(&b, 0);
	client = client_of(fd);
	assert_true(addr_is_loopback(&client.addr));
	close(fd);
	teardown(&b);
}

static void test_way_that_cannot_be_taken(void **state)
{
	struct check_spec spec = { .kind = CHECK_TCP, .interval_ns = 100 * MS, .timeout_ns = 50 * MS };
	struct check_way way = { 0 };
	struct bench b;

	(void)state;
	setup(&b, 1, &spec);
	way.to = b.targets[0]->at;
	assert_int_equal(addr_parse(str_of("203.0.113.1"), &way.from), 0); /* nobody's address */
	b.way = &way;
	pass_ms(&b, 1);
	no_probe(&b, 0);
	assert_int_equal(b.why, TARGET_CONNECT_FAILED);
	teardown(&b);
}

static void test_stop_inside_the_callback(void **state)
{
	struct bench b;
	char got[1024];

	(void)state;
	setup(&b, 2, &http_spec);
	b.stop_in_callback = true;
	exchange(&b, "HTTP/1.1 500 X\r\n\r\n", got, sizeof(got));
	assert_null(b.group);
	assert_int_equal(b.changes, 1);
	pass_ms(&b, 3000);
	no_probe(&b, 0);
	no_probe(&b, 1);
	teardown(&b);
}

static void test_stop_while_busy_leaves_no_descriptor(void **state)
{
	struct bench b;
	int before, after, fd;

	(void)state;
	setup(&b, 1, &http_spec);
	before = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(before);
	pass_ms(&b, 1);
	fd = accept_probe(&b, 0);
	close(fd);
	check_stop(&b.group);
	loop_once(&b.loop, 0);
	after = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(after);
	assert_int_equal(before, after);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_request_text),
		cmocka_unit_test(test_http_answers),
		cmocka_unit_test(test_endless_head_is_bounded),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_refused_and_back),
		cmocka_unit_test(test_silent_server_times_out_and_checks_never_overlap),
		cmocka_unit_test(test_unanswered_connect_times_out),
		cmocka_unit_test(test_tcp_send_expect),
		cmocka_unit_test(test_checks_are_spread_and_repeat),
		cmocka_unit_test(test_port_of_the_check),
		cmocka_unit_test(test_way_of_the_check),
		cmocka_unit_test(test_way_that_cannot_be_taken),
		cmocka_unit_test(test_stop_inside_the_callback),
		cmocka_unit_test(test_stop_while_busy_leaves_no_descriptor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
