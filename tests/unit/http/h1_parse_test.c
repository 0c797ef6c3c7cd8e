/* The head parser: a table of heads, each also cut after every byte, with ASan watching the end of the buffer; every
 * byte value at every kind of position against the grammar written down a second time; limits; and the search for a
 * head's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/buf.h"
#include "http/h1_parse.c"
#include "http/h1_cases.h"

static struct field fields[HEAD_MAX_FIELDS];

static enum h1_error parse(bool request, const char *p, size_t n, struct head *ret)
{
	return request ? h1_parse_request(p, n, fields, ret) : h1_parse_response(p, n, fields, ret);
}

/* Parses a copy that ends where the allocation ends. */
static enum h1_error parse_copy(bool request, const char *p, size_t n, struct head *ret)
{
	char *copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	enum h1_error e = parse(request, copy, n, ret);
	free(copy);
	return e;
}

static void describe(const struct head *h, bool request, struct buf *out)
{
	if (request)
		buf_printf(out, "%.*s %.*s", STR_ARG(h->method), STR_ARG(h->target));
	else
		buf_printf(out, "%d [%.*s]", h->status, STR_ARG(h->reason));
	buf_printf(out, " 1.%d", h->minor);
	if (h->content_length >= 0)
		buf_printf(out, " len=%lld", (long long)h->content_length);
	buf_puts(out, h->chunked ? " chunked" : "");
	buf_puts(out, h->close ? " close" : "");
	buf_puts(out, h->upgrade ? " upgrade" : "");
	buf_puts(out, h->expect_continue ? " expect" : "");
	if (request)
		buf_printf(out, " host=%.*s", STR_ARG(h->host));
	buf_printf(out, " n=%u", h->nfields);
}

static void expect_facts(const struct h1_case *c, bool request)
{
	struct head h;
	struct buf out;
	enum h1_error e = parse(request, c->text, c->n, &h);
	if (e != c->want)
		fail_msg("%.*s\n-> %s, expected %s", (int)c->n, c->text, h1_error_text(e), h1_error_text(c->want));
	if (e != H1_OK)
		return;
	buf_init(&out, 0);
	describe(&h, request, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.p, c->facts);
	buf_free(&out);
	assert_int_equal(h.size, c->n);
}

/* More bytes can only turn "more" into a verdict, never one verdict into another. */
static void expect_same_for_every_cut(const struct h1_case *c, bool request)
{
	bool decided = false;
	for (size_t n = 0; n < c->n; n++) {
		struct head h;
		enum h1_error e = parse_copy(request, c->text, n, &h);
		if (e != H1_MORE && (e == H1_OK || e != c->want))
			fail_msg("%.*s\ncut at %zu: %s, expected %s", (int)c->n, c->text, n, h1_error_text(e),
				 h1_error_text(c->want));
		if (decided && e == H1_MORE)
			fail_msg("%.*s\ncut at %zu: undecided again", (int)c->n, c->text, n);
		decided = e != H1_MORE;
	}
}

/* What follows a head is none of its business, whatever it is. */
static void expect_same_before(const struct h1_case *c, bool request, struct str tail)
{
	struct head h;
	char *p = malloc(c->n + tail.n);
	memcpy(p, c->text, c->n);
	memcpy(p + c->n, tail.p, tail.n);
	assert_int_equal(parse(request, p, c->n + tail.n, &h), c->want);
	if (c->want == H1_OK)
		assert_int_equal(h.size, c->n);
	free(p);
}

static void expect_end_found(const struct h1_case *c)
{
	size_t scanned = 0;
	for (size_t n = 0; n < c->n; n++)
		assert_int_equal(h1_find_end(c->text, n, &scanned), H1_MORE);
	assert_int_equal(h1_find_end(c->text, c->n, &scanned), H1_OK);
}

static void run_table(const struct h1_case *cases, size_t n, bool request)
{
	for (size_t i = 0; i < n; i++) {
		expect_facts(&cases[i], request);
		expect_same_for_every_cut(&cases[i], request);
		expect_same_before(&cases[i], request, STR("\r\n\r\n"));
		expect_same_before(&cases[i], request, STR("GET / HTTP/1.1\r\nHost: b\r\n\r\n"));
		expect_same_before(&cases[i], request, STR("\0\xff\n"));
		if (cases[i].want == H1_OK)
			expect_end_found(&cases[i]);
	}
}

/* What is wrong in a request's fields is wrong in an answer's. */
static void answers_like_requests(void **state)
{
	unsigned n = 0;
	(void)state;
	for (size_t i = 0; i < H1_REQUESTS; i++) {
		const struct h1_case *c = &h1_requests[i];
		struct str rest, line = { 0 };
		bool old;
		if (c->want != H1_BAD_FIELD && c->want != H1_BAD_LENGTH && c->want != H1_BAD_CODING &&
		    c->want != H1_BAD_FRAMING)
			continue;
		rest = str_cut(str_mk(c->text, c->n), '\n', &line);
		old = memmem(line.p, line.n, "HTTP/1.0", 8) != NULL;
		struct buf b;
		buf_init(&b, 0);
		buf_puts(&b, old ? "HTTP/1.0 200 OK\r\n" : "HTTP/1.1 200 OK\r\n");
		buf_str(&b, rest);
		struct h1_case r = { b.p, b.n, c->want, NULL };
		expect_facts(&r, false);
		expect_same_for_every_cut(&r, false);
		buf_free(&b);
		n++;
	}
	assert_true(n > 120);
}

static void requests(void **state)
{
	(void)state;
	assert_true(H1_REQUESTS > 300);
	run_table(h1_requests, H1_REQUESTS, true);
}

static void responses(void **state)
{
	(void)state;
	run_table(h1_responses, H1_RESPONSES, false);
}

/* --- every byte value in every kind of place
 * ---------------------------------------------------------------------------------------- */

static bool one_of(int c, const char *set)
{
	return c && strchr(set, c);
}

static bool alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool may_be_token(int c)
{
	return alnum(c) || one_of(c, "!#$%&'*+-.^_`|~");
}
static bool may_be_method(int c)
{
	return may_be_token(c);
}
static bool may_be_target(int c)
{
	return c > ' ' && c < 0x7f && c != '#';
}
static bool may_be_value(int c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}
static bool may_be_host(int c)
{
	return alnum(c) || one_of(c, "-._~!$&'()*+,;=:[]%");
}
static bool may_be_digit(int c)
{
	return c >= '0' && c <= '9';
}

static void every_byte(void **state)
{
	static const struct {
		bool request;
		const char *before, *after;
		bool (*may)(int c);
	} places[] = {
		{ true, "A", "B / HTTP/1.1\r\nHost: a\r\n\r\n", may_be_method },
		{ true, "GET /", "x HTTP/1.1\r\nHost: a\r\n\r\n", may_be_target },
		{ true, "GET / HTTP/1.1\r\nHost: a\r\nX", "x: b\r\n\r\n", may_be_token },
		{ true, "GET / HTTP/1.1\r\nHost: a\r\nX: b", "c\r\n\r\n", may_be_value },
		{ true, "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456", "89abcdef01234567\r\n\r\n", may_be_value },
		{ true, "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789abcdef0123456", "89\r\n\r\n", may_be_value },
		{ true, "GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n", may_be_host },
		{ true, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1", "1\r\n\r\n", may_be_digit },
		{ false, "HTTP/1.1 200 a", "b\r\n\r\n", may_be_value },
		{ false, "HTTP/1.1 2", "0 a\r\n\r\n", may_be_digit },
		{ false, "HTTP/1.1 200 OK\r\nX", "x: b\r\n\r\n", may_be_token },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		for (int c = 0; c < 256; c++) {
			char text[128];
			struct head h;
			size_t n = strlen(places[i].before), m = strlen(places[i].after);
			memcpy(text, places[i].before, n);
			text[n] = (char)c;
			memcpy(text + n + 1, places[i].after, m);
			/* A colon ends a field name early, a space the method or the target; what follows then decides.
			 */
			bool colon = c == ':' && places[i].may == may_be_token;
			bool good = parse_copy(places[i].request, text, n + 1 + m, &h) == H1_OK;
			if (good != (places[i].may(c) || colon))
				fail_msg("place %zu, byte 0x%02x: taken %d", i, c, good);
		}
}

/* --- limits
 * ---------------------------------------------------------------------------------------------------------------------------
 */

static enum h1_error parse_many(unsigned nfields, struct head *ret, size_t *ret_n)
{
	struct buf b;
	buf_init(&b, 0);
	buf_puts(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 1; i < nfields; i++)
		buf_printf(&b, "X-%u: %u\r\n", i, i);
	buf_puts(&b, "\r\n");
	enum h1_error e = h1_parse_request(b.p, b.n, fields, ret);
	*ret_n = b.n;
	buf_free(&b);
	return e;
}

static void number_of_fields(void **state)
{
	struct head h;
	size_t n;
	(void)state;
	assert_int_equal(parse_many(HEAD_MAX_FIELDS, &h, &n), H1_OK);
	assert_int_equal(h.nfields, HEAD_MAX_FIELDS);
	assert_int_equal(h.size, n);
	assert_int_equal(parse_many(HEAD_MAX_FIELDS + 1, &h, &n), H1_TOO_MANY_FIELDS);
	assert_int_equal(parse_many(HEAD_MAX_FIELDS * 3, &h, &n), H1_TOO_MANY_FIELDS);
}

static void fields_are_views(void **state)
{
	static const char text[] =
		"GET /x?y HTTP/1.1\r\nHost: h\r\nA:\t one  two \t\r\nX-Forwarded-For: 1\r\nB:\r\n\r\nbody";
	struct head h;
	(void)state;
	assert_int_equal(h1_parse_request(text, sizeof(text) - 1, fields, &h), H1_OK);
	assert_int_equal(h.nfields, 4);
	assert_true(str_eq(h.fields[1].name, STR("A")) && str_eq(h.fields[1].value, STR("one  two")));
	assert_int_equal(h.fields[1].token, TOKEN_NONE);
	assert_ptr_equal(head_field(&h, TOKEN_X_FORWARDED_FOR), &h.fields[2]);
	assert_null(head_field(&h, TOKEN_COOKIE));
	assert_int_equal(h.fields[3].value.n, 0);
	for (unsigned i = 0; i < h.nfields; i++)
		assert_true(h.fields[i].name.p > text && h.fields[i].value.p + h.fields[i].value.n <= text + h.size);
	assert_string_equal(text + h.size, "body");
}

/* --- the end of a head
 * ---------------------------------------------------------------------------------------------------------------- */

static void end_of_head(void **state)
{
	static const struct {
		struct str text;
		enum h1_error want;
	} cases[] = {
		{ STR(""), H1_MORE },
		{ STR("GET / HTTP/1.1"), H1_MORE },
		{ STR("GET / HTTP/1.1\r\n"), H1_MORE },
		{ STR("GET / HTTP/1.1\r\n\r"), H1_MORE },
		{ STR("GET / HTTP/1.1\r\n\r\n"), H1_OK },
		{ STR("GET / HTTP/1.1\n"), H1_BAD_FIELD },
		{ STR("A\r\nB: c\nD"), H1_BAD_FIELD },
		{ STR("\n"), H1_BAD_FIELD },
		{ STR("A\r\n\n"), H1_BAD_FIELD },
		{ STR("A\r\n\r\r\n"), H1_MORE },
		{ STR("A\r\n\r\r\n\r\n"), H1_OK },
		{ STR("\r\nA\r\n"), H1_MORE },
		{ STR("A\r\nB\r\n\r\nrest\n\n"), H1_OK },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str t = cases[i].text;
		size_t at_once = 0, bytewise = 0;
		enum h1_error e = H1_MORE;
		assert_int_equal(h1_find_end(t.p, t.n, &at_once), cases[i].want);
		for (size_t n = 0; n <= t.n && e == H1_MORE; n++)
			e = h1_find_end(t.p, n, &bytewise);
		assert_int_equal(e, cases[i].want);
	}
}

static void errors_have_words(void **state)
{
	static const int status[] = { 200, 400, 400, 400, 400, 501, 400, 400, 505, 431 };
	(void)state;
	for (enum h1_error e = H1_OK; e <= H1_TOO_MANY_FIELDS; e++) {
		assert_int_equal(h1_error_status(e), status[e]);
		assert_true(strlen(h1_error_text(e)) > 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),	    cmocka_unit_test(answers_like_requests),
		cmocka_unit_test(responses),	    cmocka_unit_test(every_byte),
		cmocka_unit_test(number_of_fields), cmocka_unit_test(fields_are_views),
		cmocka_unit_test(end_of_head),	    cmocka_unit_test(errors_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
