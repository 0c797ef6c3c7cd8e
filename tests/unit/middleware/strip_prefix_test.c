/* stripPrefix against the behaviour it is modelled on: first prefix of the list, compared as text, removed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "middleware/strip_prefix.c"
#include "middleware/all.h"

struct bench {
	struct arena conf;
	struct err_list errs;
	void *ctx;
	struct req *r;
	struct field fields[4];
};

/* `prefixes` ends with NULL. */
static int make(struct bench *b, const char *const *prefixes)
{
	struct strip_prefix_conf conf = { { (char **)prefixes, 0 } };
	memset(b, 0, sizeof(*b));
	while (prefixes[conf.prefixes.n])
		conf.prefixes.n++;
	arena_init(&b->conf);
	err_init(&b->errs);
	return mw_strip_prefix.create(&conf, &b->conf, (struct place){ "f", 3, 5 }, "http.middlewares.m", &b->errs,
				      &b->ctx);
}

static void begin(struct bench *b, const char *path)
{
	b->r = calloc(1, sizeof(*b->r));
	arena_init(&b->r->arena);
	b->r->path = str_of(path);
	b->r->in.fields = b->fields;
}

static void end(struct bench *b)
{
	arena_reset(&b->r->arena);
	free(b->r);
}

static void done(struct bench *b)
{
	arena_reset(&b->conf);
	err_free(&b->errs);
}

static struct str added_prefix(const struct req *r)
{
	for (unsigned i = 0; i < r->nadd; i++)
		if (str_eq(r->add[i].name, STR("X-Forwarded-Prefix")))
			return r->add[i].value;
	return (struct str){ 0 };
}

static void paths(void **state)
{
	static const char *const lists[][4] = {
		{ "/api" },
		{ "/api/" },
		{ "/v1", "/api/v1", "/api" },
		{ "/api", "/api/v1" },
		{ " /api " },
		{ "/" },
		{ "api" },
		{ "/a b" },
		{ "/\xc3\xa9" },
		{ "/a%20b" },
		{ "" },
	};
	static const struct {
		unsigned list;
		const char *path, *want, *prefix; /* prefix NULL: untouched; want NULL: 400 */
	} cases[] = {
		{ 0, "/api/users", "/users", "/api" },
		{ 0, "/api", "/", "/api" },
		{ 0, "/api/", "/", "/api" },
		{ 0, "/apiv2/x", "/v2/x", "/api" },    /* no regard to segments */
		{ 0, "/api/api/x", "/api/x", "/api" }, /* once */
		{ 0, "/API/x", "/API/x", NULL },       /* byte by byte */
		{ 0, "/other", "/other", NULL },
		{ 0, "/ap", "/ap", NULL },
		{ 0, "/x/api", "/x/api", NULL },
		{ 0, "*", "*", NULL },
		{ 0, "/api/a%2Fb", "/a%2Fb", "/api" },
		{ 0, "/api%2Fx", "/%2Fx", "/api" },
		{ 1, "/api/users", "/users", "/api/" },
		{ 1, "/api", "/api", NULL },
		{ 2, "/api/v1/x", "/x", "/api/v1" }, /* the first of the list, not the longest */
		{ 2, "/v1/x", "/x", "/v1" },
		{ 2, "/api/x", "/x", "/api" },
		{ 3, "/api/v1/x", "/v1/x", "/api" },
		{ 4, "/api/x", "/x", "/api" },
		{ 5, "/a/b", "/a/b", "/" },
		{ 6, "/api", "/api", NULL },
		{ 7, "/a%20b/c", "/c", "/a%20b" },
		{ 8, "/%C3%A9/c", "/c", "/%C3%A9" },
		{ 9, "/a%20b/c", "/c", "/a%20b" },
		/* Cutting must not make a path that reads differently than it was judged. */
		{ 0, "/api../secret", NULL, NULL },
		{ 0, "/api./secret", NULL, NULL },
		{ 0, "/api..", NULL, NULL },
		{ 0, "/api.", NULL, NULL },
		{ 0, "/api//x", NULL, NULL },
		{ 0, "/api/./x", NULL, NULL },
		{ 0, "/api/x/..", NULL, NULL },
		{ 0, "/api/x//", NULL, NULL },
		{ 1, "/api/../x", NULL, NULL },
		{ 0, "/api...", "/...", "/api" },
		{ 0, "/api/.x/y..", "/.x/y..", "/api" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;
		assert_int_equal(make(&b, lists[cases[i].list]), 0);
		begin(&b, cases[i].path);
		enum mw_result rc = mw_strip_prefix.on_request(b.ctx, b.r);
		struct str got = b.r->path, prefix = added_prefix(b.r);
		if (rc != (cases[i].want ? MW_NEXT : MW_REPLIED))
			fail_msg("%s: result %d", cases[i].path, rc);
		if (!cases[i].want) {
			assert_int_equal(b.r->reply.status, 400);
			assert_true(str_eq(b.r->reply.body, STR("Bad Request\n")));
		} else if (!str_eq(got, str_of(cases[i].want)) ||
			   !str_eq(prefix, str_of(cases[i].prefix ? cases[i].prefix : ""))) {
			fail_msg("%s -> %.*s, prefix '%.*s'", cases[i].path, STR_ARG(got), (int)prefix.n,
				 prefix.p ? prefix.p : "");
		}
		end(&b);
		done(&b);
	}
}

/* What an earlier proxy removed stands before ours, if the peer may say so. */
static void prefix_of_a_trusted_peer(void **state)
{
	static const char *const list[] = { "/api", NULL };
	struct bench b;
	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		assert_int_equal(make(&b, list), 0);
		begin(&b, "/api/x");
		b.r->peer_trusted = trusted;
		b.fields[0] = (struct field){ STR("x-forwarded-prefix"), STR("/edge"), TOKEN_X_FORWARDED_PREFIX };
		b.fields[1] = (struct field){ STR("X-Forwarded-Prefix"), STR("/inner"), TOKEN_X_FORWARDED_PREFIX };
		b.r->in.nfields = 2;
		assert_int_equal(mw_strip_prefix.on_request(b.ctx, b.r), MW_NEXT);
		assert_true(str_eq(added_prefix(b.r), trusted ? STR("/edge, /inner, /api") : STR("/api")));
		end(&b);
		done(&b);
	}
}

static void two_in_a_row(void **state)
{
	static const char *const first[] = { "/a", NULL }, *const second[] = { "/b", NULL };
	struct bench a, b;
	(void)state;
	assert_int_equal(make(&a, first), 0);
	assert_int_equal(make(&b, second), 0);
	begin(&a, "/a/b/c");
	assert_int_equal(mw_strip_prefix.on_request(a.ctx, a.r), MW_NEXT);
	assert_int_equal(mw_strip_prefix.on_request(b.ctx, a.r), MW_NEXT);
	assert_true(str_eq(a.r->path, STR("/c")));
	assert_true(str_eq(added_prefix(a.r), STR("/a, /b")));
	end(&a);
	done(&a);
	done(&b);
}

static void needs_a_prefix(void **state)
{
	static const char *const none[] = { NULL };
	struct bench b;
	(void)state;
	assert_int_equal(make(&b, none), -EINVAL);
	assert_int_equal(b.errs.errors, 1);
	assert_string_equal(b.errs.v[0].key, "http.middlewares.m");
	assert_int_equal(b.errs.v[0].line, 3);
	done(&b);
}

static void is_listed(void **state)
{
	const struct opt_variant *v = middleware_all_variants();
	bool found = false;
	(void)state;
	for (size_t i = 0; middleware_all[i]; i++) {
		assert_string_equal(v[i].name, middleware_all[i]->name);
		assert_ptr_equal(v[i].tag, middleware_all[i]);
		found |= middleware_all[i] == &mw_strip_prefix;
	}
	assert_true(found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),	cmocka_unit_test(prefix_of_a_trusted_peer),
		cmocka_unit_test(two_in_a_row), cmocka_unit_test(needs_a_prefix),
		cmocka_unit_test(is_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
