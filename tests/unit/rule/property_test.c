/* The index against an evaluator that shares no code with it: random rules are made as small trees, written out as text
 * for the compiler, and evaluated from the tree by string functions of C. RULE_PAIRS: how many requests are asked of
 * how many rules, each pair counted; a million unless told. RULE_SEED: another sequence. */
#include "fixture.h"
#include "rule/index.h"

#include <ctype.h>

#include "base/mem.h"
#include "facts.h"

enum what { HOST, HOST_REGEXP, PATH, PATH_PREFIX, PATH_REGEXP, METHOD, HEADER, HEADER_REGEXP, QUERY, CLIENT, WHATS };

/* An expression: a matcher with the number of its parameter, or a list. */
struct expr {
	enum { IS, NOT, AND, OR } kind;
	enum what what;
	unsigned arg;
	struct expr *x, *y;
};

struct request {
	const char *host, *path, *method, *query, *header, *client;
};

/* ---- parameters, and what they mean in C ---- */

static const char *const hosts[] = { "a.x", "b.x", "*.x", "x", "*", "a.b.x", "*.b.x", "A.X", "a.x.", ".x", "a.*.x" };
static const char *const paths[] = { "/", "/a", "/a/", "/ab", "/a/b", "/b", "/b/c", "/%2F", "/a/b/c/d" };
static const char *const methods[] = { "GET", "get", "POST" };
static const char *const headers[] = { "1", "2", "one" };
static const char *const queries[] = { "1", "2", "" };
static const char *const clients[] = { "192.0.2.1", "192.0.2.0/24", "::/0", "fd00::/8" };

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);

	return n >= m && strcmp(s + n - m, with) == 0;
}

static bool host_is(const char *pattern, const char *host)
{
	size_t n = strlen(pattern);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (pattern[n - 1] == '.')
		n--;
	if (strncmp(pattern, "*.", 2) == 0)
		return ends(host, pattern + 1) && strlen(host) > n - 1 &&
		       strchr(host, '.') == host + strlen(host) - (n - 1);
	return *host && strlen(host) == n && strncasecmp(host, pattern, n) == 0;
}

static bool digit_in(const char *s)
{
	return strpbrk(s, "0123456789") != NULL;
}

static bool starts_a(const char *s)
{
	return s[0] == 'a';
}

static bool slash_b(const char *s)
{
	return ends(s, "/b");
}

static bool anything(const char *s)
{
	return *s != 0;
}

static const struct {
	const char *text;
	bool (*means)(const char *s);
} regexps[] = { { "[0-9]", digit_in }, { "^a", starts_a }, { "/b$", slash_b }, { ".", anything } };

static bool client_is(const char *rule, const char *client)
{
	if (strcmp(rule, "192.0.2.0/24") == 0)
		return strncmp(client, "192.0.2.", 8) == 0;
	if (strcmp(rule, "fd00::/8") == 0)
		return strncmp(client, "fd", 2) == 0;
	if (strcmp(rule, "::/0") == 0)
		return strchr(client, ':') != NULL; /* an IPv4 address is in no IPv6 range */
	return strcmp(rule, client) == 0;
}

/* Requests have at most one parameter, k. */
static bool query_is(const char *want, const char *query)
{
	return strncmp(query, "k", 1) == 0 && strcmp(query[1] ? query + 2 : "", want) == 0;
}

/* ---- evaluation, naive ---- */

static bool is(const struct expr *e, const struct request *r)
{
	switch (e->what) {
	case HOST:
		return host_is(hosts[e->arg], r->host);
	case HOST_REGEXP:
		return regexps[e->arg].means(r->host);
	case PATH:
		return strcmp(r->path, paths[e->arg]) == 0;
	case PATH_PREFIX:
		return strncmp(r->path, paths[e->arg], strlen(paths[e->arg])) == 0;
	case PATH_REGEXP:
		return regexps[e->arg].means(r->path);
	case METHOD:
		return strcasecmp(methods[e->arg], r->method) == 0 && isupper((unsigned char)r->method[0]);
	case HEADER:
		return r->header && strcmp(r->header, headers[e->arg]) == 0;
	case HEADER_REGEXP:
		return r->header && regexps[e->arg].means(r->header);
	case QUERY:
		return query_is(queries[e->arg], r->query);
	case CLIENT:
		return client_is(clients[e->arg], r->client);
	case WHATS:
		break;
	}
	abort();
}

static bool holds(const struct expr *e, const struct request *r)
{
	if (e->kind == IS)
		return is(e, r);
	if (e->kind == NOT)
		return !holds(e->x, r);
	return e->kind == AND ? holds(e->x, r) && holds(e->y, r) : holds(e->x, r) || holds(e->y, r);
}

/* ---- random rules ---- */

static const struct {
	const char *format;
	const char *const *args;
	unsigned n;
	unsigned often;
} matchers[WHATS] = {
	[HOST] = { "Host(`%s`)", hosts, ARRAY_LEN(hosts), 8 },
	[HOST_REGEXP] = { "HostRegexp(`%s`)", NULL, ARRAY_LEN(regexps), 1 },
	[PATH] = { "Path(`%s`)", paths, ARRAY_LEN(paths), 4 },
	[PATH_PREFIX] = { "PathPrefix(`%s`)", paths, ARRAY_LEN(paths), 6 },
	[PATH_REGEXP] = { "PathRegexp(`%s`)", NULL, ARRAY_LEN(regexps), 1 },
	[METHOD] = { "Method(`%s`)", methods, ARRAY_LEN(methods), 1 },
	[HEADER] = { "Header(`X-K`, `%s`)", headers, ARRAY_LEN(headers), 1 },
	[HEADER_REGEXP] = { "HeaderRegexp(`x-k`, `%s`)", NULL, ARRAY_LEN(regexps), 1 },
	[QUERY] = { "Query(`k`, `%s`)", queries, ARRAY_LEN(queries) - 1, 1 },
	[CLIENT] = { "ClientIP(`%s`)", clients, ARRAY_LEN(clients), 1 },
};

static struct expr *random_expr(struct arena *a, struct rng *rng, unsigned depth)
{
	struct expr *e = arena_zalloc(a, sizeof(*e));
	unsigned kind = depth ? rng_below(rng, 8) : 0, pick;

	if (kind >= 3) {
		e->kind = kind == 3 ? NOT : kind < 6 ? AND : OR;
		e->x = random_expr(a, rng, depth - 1);
		if (e->kind != NOT)
			e->y = random_expr(a, rng, depth - 1);
		return e;
	}
	pick = rng_below(rng, 25);
	while (pick >= matchers[e->what].often)
		pick -= matchers[e->what++].often;
	e->arg = rng_below(rng, matchers[e->what].n);
	return e;
}

static void write_expr(const struct expr *e, struct buf *out)
{
	if (e->kind == IS) {
		const char *arg = matchers[e->what].args ? matchers[e->what].args[e->arg] : regexps[e->arg].text;
		char text[80];

		snprintf(text, sizeof(text), matchers[e->what].format, arg);
		buf_puts(out, text);
		return;
	}
	buf_puts(out, e->kind == NOT ? "!(" : "(");
	write_expr(e->x, out);
	if (e->y) {
		buf_puts(out, e->kind == AND ? " && " : " || ");
		write_expr(e->y, out);
	}
	buf_char(out, ')');
}

static struct request random_request(struct rng *rng)
{
	static const char *const asked[] = { "a.x",   "b.x",	 "c.x", "x", "",     "a.b.x",
					     "b.b.x", "c.b.b.x", ".x",	"y", "a.*.x" };
	static const char *const under[] = { "/",  "/a",     "/a/", "/ab",  "/abc",	  "/a/b",
					     "/b", "/b/c/d", "/c",  "/%2F", "/a/b/c/d/e", "" };
	static const char *const verbs[] = { "GET", "get", "POST", "PUT" };
	static const char *const params[] = { "", "k", "k=", "k=1", "k=2", "j=1" };
	static const char *const values[] = { NULL, "1", "2", "one", "a1" };
	static const char *const peers[] = { "192.0.2.1", "192.0.2.9", "198.51.100.1", "fd00::1", "2001:db8::1" };
#define ANY(list) list[rng_below(rng, ARRAY_LEN(list))]
	return (struct request){ ANY(asked), ANY(under), ANY(verbs), ANY(params), ANY(values), ANY(peers) };
#undef ANY
}

/* ---- the comparison ---- */

#define RULES 50

struct round {
	struct arena arena;
	struct expr *exprs[RULES];
	struct rule_entry entries[RULES];
	size_t n;
	struct rule_index *ix;
};

static void make_round(struct round *r, struct rng *rng, struct fixture *f)
{
	arena_init(&r->arena);
	r->n = rng_below(rng, RULES + 1);
	for (size_t i = 0; i < r->n; i++) {
		struct buf b;

		buf_init(&b, 0);
		r->exprs[i] = random_expr(&r->arena, rng, 4);
		write_expr(r->exprs[i], &b);
		_cleanup_free_ char *text = buf_take(&b);

		r->entries[i] =
			(struct rule_entry){ compile(f, RULE_HTTP, text), (int64_t)rng_below(rng, 6) - 2, r->exprs[i] };
	}
	r->ix = rule_index_build(&r->arena, r->entries, r->n);
}

static const struct expr *naive(const struct round *r, const struct request *q)
{
	size_t best = r->n;

	for (size_t i = 0; i < r->n; i++)
		if ((best == r->n || r->entries[i].priority > r->entries[best].priority) && holds(r->exprs[i], q))
			best = i;
	return best < r->n ? r->exprs[best] : NULL;
}

static bool ask(const struct round *r, const struct request *q)
{
	struct facts_header header[] = { { q->header ? "x-k" : NULL, q->header }, { 0 } };
	struct rule_facts f = facts_http(q->method, q->host, q->path);
	const struct expr *want = naive(r, q), *got;
	struct addr client;

	assert_int_equal(addr_parse(str_of(q->client), &client), 0);
	f.client = &client;
	f.header_ctx = header;
	f.query = str_of(q->query);
	got = rule_index_find(r->ix, &f);
	if (got != want) {
		struct buf b;

		buf_init(&b, 0);
		buf_puts(&b, "wanted ");
		if (want)
			write_expr(want, &b);
		buf_puts(&b, "; got ");
		if (got)
			write_expr(got, &b);
		fail_msg("%s %s%s?%s from %s: %s", q->method, q->host, q->path, q->query, q->client, buf_take(&b));
	}
	return got != NULL;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void index_equals_naive_evaluator(void **state)
{
	uint64_t want = setting("RULE_PAIRS", 1000000), pairs = 0, asked = 0, found = 0;
	struct fixture *f = *state;
	struct rng rng;

	rng_seed(&rng, setting("RULE_SEED", 11));
	while (pairs < want) {
		struct round r;

		make_round(&r, &rng, f);
		for (int i = 0; i < 60; i++, asked++) {
			struct request q = random_request(&rng);

			found += ask(&r, &q);
			pairs += r.n;
		}
		arena_reset(&r.arena);
		arena_reset(&f->a);
	}
	print_message("%llu pairs of request and rule, %llu requests, %llu of them found a router\n",
		      (unsigned long long)pairs, (unsigned long long)asked, (unsigned long long)found);
	/* Neither all nor none: else the comparison would say little. */
	assert_true(found > asked / 2 && found < asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(index_equals_naive_evaluator, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
