/* Request metrics of one entry point, router or service. A set is an open-addressing table from (status, method,
 * protocol) to its four series; readers probe it without a lock, the first request of a kind adds its row under a
 * mutex. Old tables stay until the set dies, because a reader may still be in one; they double in size, so together
 * they cost less than the newest. Rows are bounded: past the bound everything new counts as code "0". */
#include "proxy/httpset.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

#define MAX_ROWS    512u
#define FIRST_SLOTS 32u

static const char *const scope_names[] = { "entrypoint", "router", "service" };
static const char *const protocols[] = { "http", "websocket", "sse", "grpc", "grpc-web" };

#define METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE)
#define X(m)	   METHOD_##m,
enum method { METHODS(X) METHOD_EXTENSION };
#undef X
#define X(m) #m,
static const char *const method_names[] = { METHODS(X) "EXTENSION_METHOD" };
#undef X

enum part { PART_REQUESTS, PART_DURATION, PART_IN, PART_OUT, PARTS };

struct row {
	uint32_t key;
	struct metric_series *parts[PARTS];
};

struct table {
	struct table *older;
	uint32_t mask;
	_Atomic(struct row *) slots[];
};

#define MAX_TLS_ROWS 32u /* version and suite; what does not fit any more is not counted */

struct tls_row {
	const char *version, *cipher;
	struct metric_series *requests;
};

struct httpset {
	_Atomic(struct table *) table;
	_Atomic(struct row *) overflow; /* set once the rows are used up */
	atomic_uint refs;
	pthread_mutex_t lock; /* for adding rows */
	unsigned nrows;
	enum httpset_scope scope;
	char *name, *second;
	_Atomic(struct tls_row *) tls[MAX_TLS_ROWS]; /* filled from the front */
};

static struct metric_family *tls_families[ARRAY_LEN(scope_names)];
static struct metric_family *families[ARRAY_LEN(scope_names)][PARTS];

/* ---- families ---- */

static const struct {
	enum metric_type type;
	const char *name[ARRAY_LEN(scope_names)], *help[ARRAY_LEN(scope_names)];
} part_rows[PARTS] = {
#define SCOPES(name, help)                                                               \
	{ "traefik_entrypoint_" name, "traefik_router_" name, "traefik_service_" name }, \
	{                                                                                \
		help ", by entry point.", help ", by router.", help ", by service."      \
	}
	[PART_REQUESTS] = { METRIC_COUNTER, SCOPES("requests_total", "Requests completed") },
	[PART_DURATION] = { METRIC_HISTOGRAM,
			    SCOPES("request_duration_seconds", "Time from request head to end of response") },
	[PART_IN] = { METRIC_COUNTER, SCOPES("requests_bytes_total", "Bytes of request bodies") },
	[PART_OUT] = { METRIC_COUNTER, SCOPES("responses_bytes_total", "Bytes of response bodies") },
#undef SCOPES
};

static void setup_tls(void)
{
	static const char *const names[] = { "traefik_entrypoint_requests_tls_total",
					     "traefik_router_requests_tls_total",
					     "traefik_service_requests_tls_total" };
	static const char *const entrypoint[] = { "tls_version", "tls_cipher", "entrypoint" };
	static const char *const router[] = { "tls_version", "tls_cipher", "router", "service" };
	static const char *const service[] = { "tls_version", "tls_cipher", "service" };
	static const char *const *const labels[] = { entrypoint, router, service };

	for (unsigned scope = 0; scope < ARRAY_LEN(names); scope++)
		tls_families[scope] =
			metric_family(names[scope], "Requests over TLS, by version and cipher suite.", METRIC_COUNTER,
				      labels[scope], scope == HTTPSET_ROUTER ? 4 : 3, NULL, 0);
}

void httpset_setup(const double *buckets, unsigned nbuckets)
{
	static const char *const labels[] = { "code", "method", "protocol", "entrypoint" };
	static const char *const router_labels[] = { "code", "method", "protocol", "router", "service" };
	static const char *const service_labels[] = { "code", "method", "protocol", "service" };
	static const struct {
		const char *const *labels;
		unsigned n;
	} by_scope[] = { { labels, 4 }, { router_labels, 5 }, { service_labels, 4 } };

	setup_tls();
	for (unsigned scope = 0; scope < ARRAY_LEN(by_scope); scope++)
		for (unsigned part = 0; part < PARTS; part++) {
			bool histogram = part_rows[part].type == METRIC_HISTOGRAM;

			families[scope][part] =
				metric_family(part_rows[part].name[scope], part_rows[part].help[scope],
					      part_rows[part].type, by_scope[scope].labels, by_scope[scope].n,
					      histogram ? buckets : NULL, histogram ? nbuckets : 0);
		}
}

/* ---- keys ---- */

static enum method method_find(struct str m)
{
	for (unsigned i = 0; i < METHOD_EXTENSION; i++)
		if (str_eq(m, str_of(method_names[i])))
			return i;
	return METHOD_EXTENSION;
}

static inline uint32_t key_make(unsigned status, enum method method, unsigned protocol)
{
	return status << 8 | (uint32_t)method << 4 | protocol;
}

#define OVERFLOW_KEY key_make(0, METHOD_EXTENSION, HTTPSET_HTTP)

static inline uint32_t key_slot(uint32_t key, uint32_t mask)
{
	return (key * 2654435761u) >> 16 & mask; /* Knuth's multiplicative hash */
}

/* ---- table ---- */

static struct row *table_find(struct table *t, uint32_t key)
{
	for (uint32_t i = key_slot(key, t->mask);; i = (i + 1) & t->mask) {
		struct row *r = atomic_load_explicit(&t->slots[i], memory_order_acquire);

		if (!r || r->key == key)
			return r;
	}
}

static void table_put(struct table *t, struct row *r)
{
	uint32_t i = key_slot(r->key, t->mask);

	while (atomic_load_explicit(&t->slots[i], memory_order_relaxed))
		i = (i + 1) & t->mask;
	atomic_store_explicit(&t->slots[i], r, memory_order_release);
}

static struct table *table_new(uint32_t slots, struct table *older)
{
	struct table *t = mem_zalloc(sizeof(*t) + slots * sizeof(t->slots[0]));

	t->mask = slots - 1;
	t->older = older;
	for (uint32_t i = 0; older && i <= older->mask; i++) {
		struct row *r = atomic_load_explicit(&older->slots[i], memory_order_relaxed);

		if (r)
			table_put(t, r);
	}
	return t;
}

static struct row *row_new(const struct httpset *s, uint32_t key)
{
	struct row *r = mem_zalloc(sizeof(*r));
	const char *values[5] = { NULL, method_names[key >> 4 & 15], protocols[key & 15], s->name, s->second };
	char code[12];

	snprintf(code, sizeof(code), "%u", key >> 8);
	values[0] = code;
	r->key = key;
	for (unsigned part = 0; part < PARTS; part++)
		r->parts[part] = metric_series_get(families[s->scope][part], values);
	return r;
}

/* With the lock held. Less than three quarters full, so that a probe always ends at an empty slot. */
static struct row *set_add(struct httpset *s, uint32_t key)
{
	struct table *t = atomic_load_explicit(&s->table, memory_order_relaxed);
	struct row *r = table_find(t, key);

	if (r)
		return r;
	if ((s->nrows + 1) * 4 > (t->mask + 1) * 3) {
		t = table_new((t->mask + 1) * 2, t);
		atomic_store_explicit(&s->table, t, memory_order_release);
	}
	r = row_new(s, key);
	table_put(t, r);
	s->nrows++;
	return r;
}

static struct row *set_grow(struct httpset *s, uint32_t key)
{
	struct row *r = atomic_load_explicit(&s->overflow, memory_order_acquire);

	if (r)
		return r;
	pthread_mutex_lock(&s->lock);
	/* The last row is kept for what overflows. */
	if (s->nrows + 1 < MAX_ROWS) {
		r = set_add(s, key);
	} else {
		r = table_find(atomic_load_explicit(&s->table, memory_order_relaxed), key);
		if (!r) {
			r = set_add(s, OVERFLOW_KEY);
			atomic_store_explicit(&s->overflow, r, memory_order_release);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* ---- sets ---- */

struct httpset *httpset_new(enum httpset_scope scope, const char *name, const char *second)
{
	struct httpset *s = mem_zalloc(sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	atomic_init(&s->refs, 1);
	atomic_init(&s->table, table_new(FIRST_SLOTS, NULL));
	s->scope = scope;
	s->name = mem_strdup(name);
	s->second = mem_strdup(second ? second : "");
	return s;
}

static void rows_free(struct table *t)
{
	for (uint32_t i = 0; i <= t->mask; i++) {
		struct row *r = atomic_load_explicit(&t->slots[i], memory_order_relaxed);

		for (unsigned part = 0; r && part < PARTS; part++)
			metric_series_put(&r->parts[part]);
		free(r);
	}
}

void httpset_unref(struct httpset **ps)
{
	struct httpset *s = take_ptr(*ps);
	struct table *t;

	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	t = atomic_load_explicit(&s->table, memory_order_relaxed);
	rows_free(t); /* the newest table holds every row */
	while (t) {
		struct table *older = t->older;

		free(t);
		t = older;
	}
	for (unsigned i = 0; i < MAX_TLS_ROWS; i++) {
		struct tls_row *r = atomic_load_explicit(&s->tls[i], memory_order_relaxed);

		if (r)
			metric_series_put(&r->requests);
		free(r);
	}
	pthread_mutex_destroy(&s->lock);
	free(s->name);
	free(s->second);
	free(s);
}

void httpset_count(struct httpset *s, unsigned column, int status, struct str method, unsigned protocol,
		   uint64_t duration_ns, uint64_t request_bytes, uint64_t response_bytes)
{
	unsigned code = status >= 100 && status <= 599 ? (unsigned)status : 0;
	uint32_t key = key_make(code, method_find(method), protocol < ARRAY_LEN(protocols) ? protocol : HTTPSET_HTTP);
	struct row *r = table_find(atomic_load_explicit(&s->table, memory_order_acquire), key);

	if (!r)
		r = set_grow(s, key);
	metric_add(r->parts[PART_REQUESTS], column, 1);
	metric_observe_ns(r->parts[PART_DURATION], column, duration_ns);
	metric_add(r->parts[PART_IN], column, request_bytes);
	metric_add(r->parts[PART_OUT], column, response_bytes);
}

/* With the lock held: another worker may have been first. */
static struct tls_row *tls_add(struct httpset *s, unsigned at, const char *version, const char *cipher)
{
	struct tls_row *r = atomic_load_explicit(&s->tls[at], memory_order_relaxed);
	const char *values[] = { version, cipher, s->name, s->second };

	if (r)
		return r;
	r = mem_zalloc(sizeof(*r));
	r->version = version;
	r->cipher = cipher;
	r->requests = metric_series_get(tls_families[s->scope], values);
	atomic_store_explicit(&s->tls[at], r, memory_order_release);
	return r;
}

void httpset_count_tls(struct httpset *s, unsigned column, const char *version, const char *cipher)
{
	for (unsigned i = 0; i < MAX_TLS_ROWS; i++) {
		struct tls_row *r = atomic_load_explicit(&s->tls[i], memory_order_acquire);

		if (!r) {
			pthread_mutex_lock(&s->lock);
			r = tls_add(s, i, version, cipher);
			pthread_mutex_unlock(&s->lock);
		}
		if (r->version == version && r->cipher == cipher) {
			metric_add(r->requests, column, 1);
			return;
		}
	}
}
