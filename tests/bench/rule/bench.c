/* What a lookup among routers costs, what they take in memory, and how long they take to compile and index. Requests
 * ask for scattered routers, as many as there are up to 4096, so that large tables are not all in the nearest cache. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "rule/index.h"

#define BATCH	      64    /* requests made, then looked up by one reading of the clock */
#define BATCHES	      1024  /* of a round */
#define ROUNDS	      9	    /* the fastest counts: the rest is what else the machine does */
#define BUDGET_FACTOR 2.0   /* 10,000 routers against 10 */
#define BUDGET_BYTES  2048  /* per router */
#define BUDGET_MS     100.0 /* to compile and index 10,000 */

static const struct shape {
	const char *name, *rule, *host, *path; /* with one %zu or %1$zu for the number of the router */
} shapes[] = {
	{ "a host each", "Host(`svc-%1$zu.example.com`) && PathPrefix(`/api`)", "svc-%zu.example.com",
	  "/api/v1/users" },
	{ "one host, a path each", "Host(`example.com`) && PathPrefix(`/team/svc-%1$zu/`)", "example.com",
	  "/team/svc-%zu/v1/users" },
	{ "a path each, no host", "Path(`/team/svc-%1$zu`)", "example.com", "/team/svc-%zu" },
	{ "two hosts, two paths each",
	  "(Host(`a%1$zu.example.com`) || Host(`b%1$zu.example.com`)) && (PathPrefix(`/api`) || Path(`/`))",
	  "b%zu.example.com", "/api/v1" },
	{ "a host, a method and a client",
	  "Host(`svc-%1$zu.example.com`) && Method(`GET`) && !ClientIP(`192.0.2.0/24`)", "svc-%zu.example.com", "/" },
	{ "a host and a regular expression", "Host(`svc-%1$zu.example.com`) && PathRegexp(`^/v[0-9]+/`)",
	  "svc-%zu.example.com", "/v12/users" },
	{ "a host, a regular expression each", "Host(`svc-%1$zu.example.com`) && PathRegexp(`^/v[0-9]+/%1$zu$`)",
	  "svc-%zu.example.com", "/v12/%zu" },
};

struct result {
	double lookup_ns, bytes, build_ms;
};

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are the table above */

static void compile_all(struct arena *a, const struct shape *s, struct rule_entry *entries, size_t n)
{
	struct err_list errs;

	err_init(&errs);
	for (size_t i = 0; i < n; i++) {
		char text[256];

		snprintf(text, sizeof(text), s->rule, i);
		entries[i].rule = rule_compile(a, RULE_HTTP, text, (struct place){ 0 }, NULL, &errs);
		entries[i].priority = (int64_t)strlen(text);
		entries[i].value = &entries[i];
		if (!entries[i].rule) {
			err_print(&errs, stderr);
			exit(1);
		}
	}
	err_free(&errs);
}

struct batch {
	char host[BATCH][64], path[BATCH][64];
	struct rule_facts facts[BATCH];
};

static void batch_make(struct batch *b, const struct shape *s, size_t n, struct rng *rng, const struct addr *client)
{
	for (size_t i = 0; i < BATCH; i++) {
		size_t router = rng_below(rng, (uint32_t)n);

		snprintf(b->host[i], sizeof(b->host[i]), s->host, router);
		snprintf(b->path[i], sizeof(b->path[i]), s->path, router);
		b->facts[i] = (struct rule_facts){
			.host = str_of(b->host[i]), .path = str_of(b->path[i]), .method = STR("GET"), .client = client
		};
	}
}

static int order(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static double lookups(const struct rule_index *ix, const struct shape *s, size_t n)
{
	static uint64_t took[BATCHES];
	struct addr client;
	struct batch b;
	struct rng rng;
	size_t found = 0;

	rng_seed(&rng, n);
	addr_parse(STR("198.51.100.7"), &client);
	for (size_t k = 0; k < BATCHES; k++) {
		batch_make(&b, s, n, &rng, &client);
		took[k] = clock_mono_ns();
		for (size_t i = 0; i < BATCH; i++)
			found += rule_index_find(ix, &b.facts[i]) != NULL;
		took[k] = clock_mono_ns() - took[k];
	}
	if (found != BATCH * BATCHES) {
		fprintf(stderr, "%s: only %zu of %d found\n", s->name, found, BATCH * BATCHES);
		exit(1);
	}
	qsort(took, BATCHES, sizeof(*took), order);
	return (double)took[BATCHES / 4] / BATCH;
}

static struct result measure(const struct shape *s, size_t n)
{
	struct rule_entry *entries = mem_zalloc(n * sizeof(*entries));
	struct result r;
	struct arena a;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	uint64_t start = clock_mono_ns();

	arena_init(&a);
	compile_all(&a, s, entries, n);
	const struct rule_index *ix = rule_index_build(&a, entries, n);

	r.build_ms = (double)(clock_mono_ns() - start) / 1e6;
	r.bytes = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (double)n;
	r.lookup_ns = lookups(ix, s, n);
	arena_reset(&a);
	free(entries);
	return r;
}

static const char *verdict(const struct result *few, const struct result *many)
{
	if (many->lookup_ns > BUDGET_FACTOR * few->lookup_ns)
		return "slower than twice";
	if (many->bytes > BUDGET_BYTES)
		return "over 2 KiB";
	return many->build_ms > BUDGET_MS ? "over 100 ms" : "ok";
}

int main(void)
{
	static const size_t sizes[] = { 10, 1000, 10000, 100000 };

	printf("rules: lookup in ns, memory per router in bytes, compile + index in ms\n%-34s", "");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		printf(" %15zu routers", sizes[i]);
	printf("  10,000 : 10\n");
	for (size_t k = 0; k < ARRAY_LEN(shapes); k++) {
		struct result r[ARRAY_LEN(sizes)];

		printf("%-34s", shapes[k].name);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			r[i] = measure(&shapes[k], sizes[i]);
			printf(" %8.0f %5.0f %8.1f", r[i].lookup_ns, r[i].bytes, r[i].build_ms);
			fflush(stdout);
		}
		printf("  %.1f  %s\n", r[2].lookup_ns / r[0].lookup_ns, verdict(&r[0], &r[2]));
	}
	return 0;
}
