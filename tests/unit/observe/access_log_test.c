/* The access log: golden lines, no way to forge one, and that it drops rather than waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include "observe/access_log.c"
#include "observe/request.h"

static char dir[] = "/tmp/access_log_test.XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "EST5", 1); /* five hours west, all year */
	tzset();
	metric_setup(2);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	metric_teardown();
	return rmdir(dir);
}

static struct access_log *start(enum access_format format)
{
	const struct access_log_conf conf = { .file_path = path, .format = format };
	struct access_log *l = NULL;

	assert_int_equal(access_log_open(&conf, 2, &l), 0);
	return l;
}

static char *slurp(const char *from)
{
	_cleanup_fclose_ FILE *f = fopen(from, "r");
	char *text = mem_zalloc(1 << 20);

	assert_non_null(f);
	text[fread(text, 1, (1 << 20) - 1, f)] = 0;
	return text;
}

/* Logs one request and returns what is in the file then; caller frees. */
static char *one(enum access_format format, const struct req *r)
{
	struct access_log *l = start(format);
	struct logger logger;
	char *text;

	access_log_logger(l, &logger);
	logger.on_done(logger.ctx, 1, r);
	access_log_close(&l);
	text = slurp(path);
	unlink(path);
	return text;
}

static unsigned dropped_value;

static void find_dropped(void *ctx, const struct metric_sample *s)
{
	(void)ctx;
	if (!strcmp(s->family->name, "sluice_access_log_dropped_total"))
		dropped_value = (unsigned)s->value;
}

static unsigned dropped(void)
{
	dropped_value = 0;
	metric_walk(find_dropped, NULL);
	return dropped_value;
}

static void golden_json(void **state)
{
	struct request_fixture f;
	_cleanup_free_ char *text = NULL;

	(void)state;
	request_fixture_init(&f);
	f.r.attempts = 3;
	text = one(ACCESS_JSON, &f.r);
	assert_string_equal(
		text,
		"{\"ClientAddr\":\"198.18.0.1:54321\",\"ClientHost\":\"198.18.0.1\",\"ClientPort\":\"54321\","
		"\"ClientUsername\":\"-\","
		"\"DownstreamContentSize\":3456,\"DownstreamStatus\":200,\"Duration\":1500000005,"
		"\"OriginContentSize\":3400,\"OriginDuration\":1400000000,\"OriginStatus\":200,\"Overhead\":100000005,"
		"\"RequestAddr\":\"api.test:8000\",\"RequestContentSize\":12,\"RequestCount\":1,\"RequestHost\":\"api."
		"test\","
		"\"RequestMethod\":\"GET\",\"RequestPath\":\"/v1/"
		"items?q=1\",\"RequestPort\":\"8000\",\"RequestProtocol\":\"HTTP/1.1\","
		"\"RequestScheme\":\"http\",\"RetryAttempts\":2,\"RouterName\":\"api@file\",\"ServiceAddr\":\"198.18.1."
		"11:80\","
		"\"ServiceName\":\"svc@file\",\"ServiceURL\":\"http://198.18.1.11:80\","
		"\"StartLocal\":\"2024-11-20T21:34:54.623449995-05:00\",\"StartUTC\":\"2024-11-21T02:34:54."
		"623449995Z\","
		"\"entryPointName\":\"web\",\"level\":\"info\",\"msg\":\"\",\"time\":\"2024-11-20T21:34:56-05:00\"}\n");
}

static void golden_common(void **state)
{
	struct request_fixture f;
	_cleanup_free_ char *text = NULL, *clf = NULL;

	(void)state;
	request_fixture_init(&f);
	text = one(ACCESS_COMMON, &f.r);
	assert_string_equal(
		text,
		"198.18.0.1 - - [20/Nov/2024:21:34:54 -0500] \"GET /v1/items?q=1 HTTP/1.1\" 200 3456 \"-\" \"-\" 1 "
		"\"api@file\" \"http://198.18.1.11:80\" 1500ms\n");
	clf = one(ACCESS_GENERIC_CLF, &f.r);
	assert_string_equal(
		clf,
		"198.18.0.1 - - [20/Nov/2024:21:34:54 -0500] \"GET /v1/items?q=1 HTTP/1.1\" 200 3456 \"-\" \"-\"\n");
}

static void unrouted_and_unparsed(void **state)
{
	struct request_fixture f;
	_cleanup_free_ char *text = NULL, *json = NULL;
	json_t *j;

	(void)state;
	request_fixture_init(&f);
	f.r.route = NULL;
	f.r.target = NULL;
	f.r.status = 0;
	f.r.reason = REASON_CLIENT_GONE;
	f.r.in = (struct head){ .minor = 0 };
	text = one(ACCESS_COMMON, &f.r);
	assert_string_equal(text, "198.18.0.1 - - [20/Nov/2024:21:34:54 -0500] \"- - HTTP/1.0\" - 3456 \"-\" \"-\" 1 "
				  "\"-\" \"-\" 1500ms\n");
	json = one(ACCESS_JSON, &f.r);
	j = json_loads(json, 0, NULL);
	assert_non_null(j);
	assert_null(json_object_get(j, "RouterName"));
	assert_null(json_object_get(j, "ServiceURL"));
	assert_string_equal(json_string_value(json_object_get(j, "FailureReason")), "client_gone");
	assert_string_equal(json_string_value(json_object_get(j, "RequestMethod")), "");
	assert_int_equal(json_integer_value(json_object_get(j, "DownstreamStatus")), 0);
	json_decref(j);
}

static void hosts_and_paths(void **state)
{
	static const struct {
		const char *in, *host, *port;
	} hosts[] = {
		{ "a.test", "a.test", "-" }, { "a.test:80", "a.test", "80" }, { "[::1]:8080", "::1", "8080" },
		{ "[::1]", "[::1]", "-" },   { "::1", "::1", "-" },	      { "", "", "-" },
	};
	static const char *const paths[][2] = {
		{ "/a?b", "/a?b" }, { "http://h.test/a/b?c", "/a/b?c" }, { "http://h.test", "/" }, { "*", "*" },
		{ "http://", "/" },
	};
	struct request_fixture f;
	struct stamp_cache stamps = { 0 };
	struct log_line l;

	(void)state;
	request_fixture_init(&f);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		f.r.in.host = str_of(hosts[i].in);
		log_line_init(&l, &f.r, &stamps, 1);
		assert_true(str_eq(l.host, str_of(hosts[i].host)));
		assert_true(str_eq(l.port, str_of(hosts[i].port)));
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		f.r.in.target = str_of(paths[i][0]);
		assert_true(str_eq(log_line_path(&l), str_of(paths[i][1])));
	}
	endpoint_parse(STR("[fd00::1]:443"), &f.r.peer);
	log_line_init(&l, &f.r, &stamps, 1);
	assert_true(str_eq(l.peer_host, STR("fd00::1")));
	assert_true(str_eq(log_line_client(&l), STR("fd00::1")));
	f.r.peer_trusted = true;
	assert_true(str_eq(log_line_client(&l), STR("203.0.113.9, 10.0.0.1")));
}

/* Exactly one line, whatever the client sends, and never an escape from its quotes. */
static void nothing_can_be_forged(void **state)
{
	static const struct str evil = { "/x\" 200 1\n{\"level\":\"error\"}\r\n\0\x1b[31m\xff", 37 };
	struct request_fixture f;
	json_t *j;

	(void)state;
	for (int format = ACCESS_COMMON; format <= ACCESS_JSON; format++) {
		_cleanup_free_ char *text = NULL;

		request_fixture_init(&f);
		f.r.in.target = f.r.in.method = f.r.in.host = f.fields[0].value = evil;
		f.r.peer_trusted = true;
		text = one((enum access_format)format, &f.r);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		for (const char *p = text; p[1]; p++)
			assert_true((unsigned char)*p >= 0x20);
		if (format != ACCESS_JSON) {
			assert_non_null(strstr(text, "/x\\\" 200 1\\x0a{\\\"level"));
			assert_ptr_equal(strchr(text, ' '), strstr(text, " - - ["));
			continue;
		}
		j = json_loads(text, JSON_ALLOW_NUL, NULL);
		assert_non_null(j);
		assert_string_equal(json_string_value(json_object_get(j, "level")), "info");
		json_decref(j);
	}
}

/* The worst of everything fits one slot: a client cannot hide by being long. */
static void longest_line_is_logged(void **state)
{
	_cleanup_free_ char *big = mem_alloc(65536);
	struct request_fixture f;
	unsigned before = dropped();

	(void)state;
	memset(big, 1, 65536);
	big[0] = '/';
	for (int format = ACCESS_COMMON; format <= ACCESS_JSON; format++) {
		_cleanup_free_ char *text = NULL;

		request_fixture_init(&f);
		f.r.in.target = f.r.in.method = f.r.in.host = f.fields[0].value = str_mk(big, 65536);
		f.r.peer_trusted = true;
		text = one((enum access_format)format, &f.r);
		assert_true(strlen(text) > 16000 && strlen(text) < SLOT_SIZE);
		assert_non_null(strstr(text, "..."));
	}
	assert_int_equal(dropped(), before);
}

struct reader {
	int fd;
	size_t lines;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	char text[65536];
	ssize_t n;

	while ((n = read(r->fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			r->lines += text[i] == '\n';
	return NULL;
}

/* A destination that takes nothing: the worker goes on, and every line is either written in the end or counted. */
static void full_destination_drops(void **state)
{
	const unsigned total = 20000;
	struct request_fixture f;
	struct access_log *l;
	struct logger logger;
	struct reader reader = { 0 };
	pthread_t id;
	unsigned before = dropped(), lost;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	reader.fd = open(path, O_RDONLY | O_NONBLOCK);
	l = start(ACCESS_JSON);
	access_log_logger(l, &logger);
	request_fixture_init(&f);
	for (unsigned i = 0; i < total; i++)
		logger.on_done(logger.ctx, 0, &f.r);
	lost = dropped() - before;
	assert_true(lost > total / 2);
	fcntl(reader.fd, F_SETFL, 0);
	assert_int_equal(pthread_create(&id, NULL, read_all, &reader), 0);
	access_log_close(&l);
	pthread_join(id, NULL);
	assert_int_equal(reader.lines, total - lost);
	close(reader.fd);
	unlink(path);
}

static void wait_written(struct access_log *l, unsigned ring)
{
	for (unsigned i = 0; i < SLOTS; i++)
		while (atomic_load(&l->rings[ring].slots[i].full))
			sched_yield();
}

static void write_errors_are_counted(void **state)
{
	char full[] = "/dev/full";
	const struct access_log_conf conf = { .file_path = full, .format = ACCESS_COMMON };
	struct request_fixture f;
	struct access_log *l;
	struct logger logger;
	unsigned before = dropped();

	(void)state;
	assert_int_equal(access_log_open(&conf, 2, &l), 0);
	access_log_logger(l, &logger);
	request_fixture_init(&f);
	for (int i = 0; i < 7; i++)
		logger.on_done(logger.ctx, 0, &f.r);
	logger.flush(logger.ctx, 0);
	wait_written(l, 0);
	logger.flush(logger.ctx, 0);
	assert_int_equal(dropped() - before, 7);
	access_log_close(&l);
}

static void reopen_after_rotation(void **state)
{
	struct request_fixture f;
	struct access_log *l = start(ACCESS_COMMON);
	struct logger logger;
	char old[80];
	_cleanup_free_ char *first = NULL, *second = NULL;

	(void)state;
	access_log_logger(l, &logger);
	request_fixture_init(&f);
	logger.on_done(logger.ctx, 0, &f.r);
	logger.flush(logger.ctx, 0);
	wait_written(l, 0);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(access_log_reopen(l), 0);
	f.r.in.method = STR("PUT");
	logger.on_done(logger.ctx, 1, &f.r);
	access_log_close(&l);
	first = slurp(old);
	second = slurp(path);
	assert_non_null(strstr(first, "\"GET "));
	assert_null(strstr(first, "\"PUT "));
	assert_non_null(strstr(second, "\"PUT "));
	unlink(old);
	unlink(path);
}

static void unusable_path(void **state)
{
	char bad[] = "/nonexistent/dir/log";
	const struct access_log_conf conf = { .file_path = bad };
	struct access_log *l = NULL;

	(void)state;
	assert_int_equal(access_log_open(&conf, 1, &l), -ENOENT);
	assert_null(l);
	access_log_close(&l);
}

/* A request longer than the stamp cache: its start shares a slot with its end. */
static void long_request_keeps_its_start(void **state)
{
	struct request_fixture f;
	_cleanup_free_ char *text = NULL;

	(void)state;
	request_fixture_init(&f);
	f.r.end_ns = f.r.start_ns + STAMP_SLOTS * NS_PER_S;
	text = one(ACCESS_JSON, &f.r);
	assert_non_null(strstr(text, "\"StartUTC\":\"2024-11-21T02:34:40.12345Z\""));
	assert_non_null(strstr(text, "\"time\":\"2024-11-20T21:34:56-05:00\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_json),
		cmocka_unit_test(golden_common),
		cmocka_unit_test(unrouted_and_unparsed),
		cmocka_unit_test(hosts_and_paths),
		cmocka_unit_test(nothing_can_be_forged),
		cmocka_unit_test(longest_line_is_logged),
		cmocka_unit_test(full_destination_drops),
		cmocka_unit_test(write_errors_are_counted),
		cmocka_unit_test(reopen_after_rotation),
		cmocka_unit_test(unusable_path),
		cmocka_unit_test(long_request_keeps_its_start),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
