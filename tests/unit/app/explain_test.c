/* sluice explain over a configuration file: what is asked, which router answers, what is said about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/cmd_explain.c"
#include "app/explain_print.c"
#include "conf/schema.h"
#include "middleware/all.h"

static char path[] = "/tmp/explain_test.XXXXXX";

static const char conf[] =
	"entryPoints:\n"
	"  web: { address: \"127.0.0.1:8000\" }\n"
	"  raw: { address: \"127.0.0.1:8001\", http: { sanitizePath: false } }\n"
	"  dns: { address: \"127.0.0.1:8000/udp\" }\n"
	"ping: {}\n"
	"http:\n"
	"  routers:\n"
	"    v1: { entryPoints: [web], rule: \"Host(`a.test`) && PathPrefix(`/v1`)\", middlewares: [cut, cut2], "
	"service: s }\n"
	"    post: { entryPoints: [web], rule: \"PathPrefix(`/v1`) && Method(`POST`)\", priority: 99, service: s }\n"
	"    other: { entryPoints: [web], rule: \"Host(`b.test`)\", priority: 98, service: down }\n"
	"    local: { entryPoints: [web], rule: \"ClientIP(`10.0.0.0/8`) && !Header(`X-No`, `1`)\", priority: 50, "
	"service: s }\n"
	"    query: { entryPoints: [web], rule: \"Query(`a b`, `1;2`) || Query(`k`, `v`)\", priority: 97, service: s "
	"}\n"
	"    six: { entryPoints: [web], rule: \"Host(`::1`)\", service: s }\n"
	"    all: { rule: \"PathPrefix(`/`)\", priority: 1, service: s }\n"
	"  middlewares:\n"
	"    cut: { stripPrefix: { prefixes: [/v1] } }\n"
	"    cut2: { stripPrefix: { prefixes: [/v2] } }\n"
	"  services:\n"
	"    s: { loadBalancer: { servers: [ { url: \"http://127.0.0.1:81\", weight: 3 }, { url: "
	"\"http://127.0.0.1:82\" } ] } }\n"
	"    down: { loadBalancer: { servers: [ { url: \"http://127.0.0.1:81\", weight: 0 } ] } }\n";

static int group_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	schema_init(middleware_all_variants());
	return fd < 0 || write(fd, conf, sizeof(conf) - 1) != sizeof(conf) - 1 || close(fd) ? -1 : 0;
}

static int group_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* The answer to "sluice explain -c FILE" with these arguments, the last one NULL. */
static json_t *explain(const char *const *args)
{
	struct explain_options o = { 0 };
	char *argv[16] = { (char *)"explain" };
	json_t *answer = NULL;
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	buf_init(&o.query, 0);
	assert_true(read_options(argc, argv, &o));
	assert_int_equal(argc - optind, 2);
	put_parameter(&o.query, "method", argv[optind]);
	put_parameter(&o.query, "url", argv[optind + 1]);
	o.file = path;
	assert_int_equal(from_file(&o, &answer), EXIT_FOUND);
	buf_free(&o.query);
	return answer;
}

static void finds_the_router(void **state)
{
	static const struct {
		const char *args[8];
		const char *entry, *router; /* router "": none */
	} rows[] = {
		{ { "GET", "http://a.test:8000/v1/x" }, "web", "v1@file" },
		{ { "GET", "http://A.TEST.:8000/v1/x" }, "web", "v1@file" },
		{ { "GET", "http://a.test:8000" }, "web", "all@file" },
		{ { "POST", "http://a.test:8000/v1/x" }, "web", "post@file" },
		{ { "post", "http://a.test:8000/v1/x" }, "web", "v1@file" },
		{ { "GET", "/v1/x", "-H", "Host: a.test:8000" }, "web", "v1@file" },
		{ { "GET", "http://b.test:8000/v1", "-H", "host:a.test" }, "web", "v1@file" },
		{ { "GET", "http://a.test:8000/%76%31" }, "web", "v1@file" },
		{ { "GET", "http://a.test:8000/x/../v1" }, "web", "v1@file" },
		{ { "GET", "http://c.test:8000/", "--from", "10.1.2.3" }, "web", "local@file" },
		{ { "GET", "http://c.test:8000/", "--from", "10.1.2.3", "-H", "x-no: 1" }, "web", "all@file" },
		{ { "GET", "http://c.test:8000/?x=y&k=v" }, "web", "query@file" },
		{ { "GET", "http://c.test:8000/?x=y;k=v" }, "web", "query@file" },
		{ { "GET", "http://c.test:8000/?a+b=1%3B2" }, "web", "query@file" },
		{ { "GET", "http://[::1]:8000/" }, "web", "six@file" },
		{ { "GET", "http://a.test:8001/v1" }, "raw", "all@file" },
		{ { "GET", "http://a.test:8001/v1", "--entry", "web" }, "web", "v1@file" },
		{ { "GET", "http://a.test/v1" }, "web", "v1@file" },
		{ { "GET", "http://a.test:8080/ping" }, "traefik", "ping@internal" },
		{ { "GET", "http://a.test:8080/pin" }, "traefik", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *a = explain(rows[i].args);
		const char *entry = explain_text(json_object_get(a, "entryPoint"), "name");
		const char *router = explain_text(json_object_get(a, "router"), "name");

		if (strcmp(entry, rows[i].entry) != 0 || strcmp(router, rows[i].router) != 0)
			fail_msg("%s %s: entry point \"%s\", router \"%s\" %s", rows[i].args[0], rows[i].args[1], entry,
				 router, explain_text(a, "message"));
		json_decref(a);
	}
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *args[6];
		const char *says;
	} rows[] = {
		{ { "GET", "ftp://a.test/" }, "url: expected http://host[:port][/path] or /path" },
		{ { "GET", "a.test" }, "url: expected http://host[:port][/path] or /path" },
		{ { "GET", "/x", "--from", "nobody" }, "from: expected an IP address" },
		{ { "GET", "/x", "--entry", "wbe" }, "entry: there is no entry point of that name" },
		{ { "GET", "/%zz" },
		  "url: the path has a broken escape or a character that no path may have; a request with it is "
		  "answered with 400" },
		{ { "GET", "/x", "-H", "host: a b" }, "url: not a host name; a request with it is answered with 400" },
		{ { "", "/x" }, "method: missing, or longer than 63 characters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *a = explain(rows[i].args);

		assert_string_equal(explain_text(a, "message"), rows[i].says);
		json_decref(a);
	}
}

/* The whole page, as people see it. */
static void page(void **state)
{
	static const char *const args[] = { "GET", "http://a.test:8000/v1?q", "--from", "10.0.0.1", "--sni", "a.test",
					    NULL };
	static const char want[] =
		"request       GET a.test/v1?q\n"
		"              from 10.0.0.1, server name a.test\n"
		"entry point   web (127.0.0.1:8000): it has the URL's port\n"
		"router        local@file  priority 50 (as configured)\n"
		"                ClientIP(`10.0.0.0/8`) && !Header(`X-No`, `1`)\n"
		"                it matches and has the highest priority of those that do\n"
		"runners-up    v1@file  priority 35: matches; its priority is lower\n"
		"                Host(`a.test`) && PathPrefix(`/v1`)\n"
		"              all@file  priority 1: matches; its priority is lower\n"
		"                PathPrefix(`/`)\n"
		"passed over   post@file  priority 99: Method(`POST`) does not hold\n"
		"                PathPrefix(`/v1`) && Method(`POST`)\n"
		"              query@file  priority 97: Query(`k`, `v`) does not hold\n"
		"                Query(`a b`, `1;2`) || Query(`k`, `v`)\n"
		"              of higher priority, but for other hosts: 1\n"
		"service       s@file, strategy wrr\n"
		"servers       http://127.0.0.1:81  weight 3      75.0 %  up, not checked yet, 0 in flight\n"
		"              http://127.0.0.1:82  weight 1      25.0 %  up, not checked yet, 0 in flight\n";
	json_t *a = explain(args);
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	explain_print_http(to, a);
	fclose(to);
	assert_string_equal(text, want);
	free(text);
	json_decref(a);
}

static void middlewares_in_order_and_no_server(void **state)
{
	static const char *const one[] = { "GET", "http://a.test:8000/v1", NULL }, *const two[] = {
		"GET", "http://b.test:8000/", NULL
	};
	json_t *a = explain(one), *list = json_object_get(a, "middlewares");

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(explain_text(json_array_get(list, 0), "name"), "cut@file");
	assert_string_equal(explain_text(json_array_get(list, 1), "name"), "cut2@file");
	assert_string_equal(explain_text(json_array_get(list, 1), "type"), "stripPrefix");
	json_decref(a);
	a = explain(two);
	assert_string_equal(explain_text(json_object_get(a, "service"), "answer"),
			    "503: no server is up and has a weight");
	json_decref(a);
}

/* What comes from outside does not reach the terminal as control characters. */
static void control_characters_are_shown_as_question_marks(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	explain_line(to, "x", "a%sb", "\x1b[2J\n");
	fclose(to);
	assert_string_equal(text, "x             a?[2J?b\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_router),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(page),
		cmocka_unit_test(middlewares_in_order_and_no_server),
		cmocka_unit_test(control_characters_are_shown_as_question_marks),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
