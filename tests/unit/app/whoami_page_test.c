/* What the demo backend understands from a target, and that its streamed answers have exactly the promised length. */
#include "app/whoami_page.c"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "base/mem.h"
#include "http/h1_parse.h"

static struct page chosen(const char *method, const char *target)
{
	struct head req = { .method = str_of(method), .target = str_of(target) };
	struct page p;

	page_choose(&p, &req);
	return p;
}

static void test_targets(void **state)
{
	static const struct {
		const char *method, *target;
		enum page_kind kind;
		int status;
		uint64_t wait_ms, left;
	} rows[] = {
		{ "GET", "/", PAGE_WHOAMI, 200, 0, 0 },
		{ "GET", "/?status=503", PAGE_WHOAMI, 503, 0, 0 },
		{ "GET", "/?status=100", PAGE_WHOAMI, 200, 0, 0 },
		{ "GET", "/?status=x", PAGE_WHOAMI, 200, 0, 0 },
		{ "GET", "/?wait=500ms&status=404", PAGE_WHOAMI, 404, 500, 0 },
		{ "GET", "/?wait=2h", PAGE_WHOAMI, 200, PAGE_MAX_WAIT_MS, 0 },
		{ "GET", "/?wait=-1s", PAGE_WHOAMI, 200, 0, 0 },
		{ "GET", "/?size=10", PAGE_SIZE, 200, 0, 10 },
		{ "GET", "/?size=99999999999", PAGE_SIZE, 200, 0, PAGE_MAX_SIZE },
		{ "GET", "/?xsize=10", PAGE_WHOAMI, 200, 0, 0 },
		{ "GET", "/chunked?n=3", PAGE_CHUNKED, 200, 0, 3 },
		{ "GET", "/chunked", PAGE_CHUNKED, 200, 0, 10 },
		{ "GET", "/v1/health", PAGE_HEALTH, 200, 0, 0 },
		{ "PUT", "/health", PAGE_SET_HEALTH, 200, 0, 0 },
		{ "POST", "/echo?wait=1s", PAGE_ECHO, 200, 1000, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct page p = chosen(rows[i].method, rows[i].target);

		assert_int_equal(p.kind, rows[i].kind);
		assert_int_equal(p.status, rows[i].status);
		assert_int_equal(p.wait_ms, rows[i].wait_ms);
		assert_int_equal(p.left, rows[i].left);
	}
}

static void test_size_is_exact_and_every_byte_known(void **state)
{
	static const unsigned sizes[] = { 0, 1, PIECE - 1, PIECE, PIECE + 1, 100000 };
	char target[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf out;
		struct page p;

		snprintf(target, sizeof(target), "/?size=%u", sizes[i]);
		p = chosen("GET", target);
		buf_init(&out, 0);
		while (p.left)
			page_bytes(&p, &out);
		assert_int_equal(out.n, sizes[i]);
		for (size_t k = 0; k < out.n; k++)
			assert_int_equal(out.p[k], 'a' + k % 26);
		buf_free(&out);
	}
}

static void test_chunks(void **state)
{
	struct page p = chosen("GET", "/chunked?n=2"), q = p;
	struct buf out;

	(void)state;
	buf_init(&out, 0);
	page_chunk(&p, &out, true);
	page_chunk(&p, &out, true);
	assert_true(str_eq(buf_view(&out), STR("8\r\nchunk 0\n\r\n8\r\nchunk 1\n\r\n")));
	assert_int_equal(p.left, 0);
	buf_reset(&out);
	page_chunk(&q, &out, false);
	assert_true(str_eq(buf_view(&out), STR("chunk 0\n")));
	buf_free(&out);
}

static void test_page_in_both_forms(void **state)
{
	static const char text[] = "GET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: \"q\"\r\na: 2\r\n\r\n";
	struct field fields[HEAD_MAX_FIELDS];
	struct head req;
	struct page_facts facts = { "n", "h", "1.1.1.1:1", "2.2.2.2:2", &req };
	struct buf out;

	(void)state;
	assert_int_equal(h1_parse_request(text, sizeof(text) - 1, fields, &req), H1_OK);
	buf_init(&out, 0);
	page_write(&out, &facts, false);
	assert_true(str_eq(buf_view(&out),
			   STR("Name: n\nHostname: h\nLocal: 1.1.1.1:1\nRemoteAddr: 2.2.2.2:2\nGET /a?b HTTP/1.1\n"
			       "Host: x\nA: 1\nB: \"q\"\na: 2\n")));
	buf_reset(&out);
	page_write(&out, &facts, true);
	assert_true(str_eq(buf_view(&out),
			   STR("{\"name\":\"n\",\"hostname\":\"h\",\"local\":\"1.1.1.1:1\",\"remoteAddr\":\"2.2.2.2:"
			       "2\",\"method\":\"GET\","
			       "\"url\":\"/a?b\",\"host\":\"x\",\"proto\":\"HTTP/1.1\","
			       "\"headers\":{\"Host\":[\"x\"],\"A\":[\"1\",\"2\"],\"B\":[\"\\\"q\\\"\"]}}\n")));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_size_is_exact_and_every_byte_known),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_page_in_both_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
