/* The registry of families and series, and what an exporter reads. Only lookups and walks lock; adding never does. */
#include "base/metric.h"
#include "base/buf.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdlib.h>

#define CELL_ALIGN _Alignof(struct metric_cell)

static struct {
	pthread_mutex_t lock;
	struct metric_family *families, **tail;
	unsigned workers;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .tail = &registry.families };

void metric_setup(unsigned workers)
{
	registry.workers = workers;
}

unsigned metric_control_column(void)
{
	return registry.workers;
}

static bool same_shape(const struct metric_family *f, enum metric_type type, const char *const *labels,
		       unsigned nlabels, const double *buckets, unsigned nbuckets)
{
	if (f->type != type || f->nlabels != nlabels || f->nbuckets != nbuckets)
		return false;
	for (unsigned i = 0; i < nlabels; i++)
		if (strcmp(f->labels[i], labels[i]) != 0)
			return false;
	for (unsigned i = 0; i < nbuckets; i++)
		if (f->buckets[i] < buckets[i] || f->buckets[i] > buckets[i])
			return false;
	return true;
}

static struct metric_family *find_family(const char *name)
{
	struct metric_family *f = registry.families;

	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

struct metric_family *metric_family(const char *name, const char *help, enum metric_type type,
				    const char *const *labels, unsigned nlabels, const double *buckets,
				    unsigned nbuckets)
{
	struct metric_family *f;

	if (nlabels > METRIC_MAX_LABELS || nbuckets > METRIC_MAX_BUCKETS)
		return NULL;
	pthread_mutex_lock(&registry.lock);
	f = find_family(name);
	if (!f) {
		f = mem_zalloc(sizeof(*f));
		*f = (struct metric_family){
			.name = name, .help = help, .type = type, .nlabels = nlabels, .nbuckets = nbuckets
		};
		for (unsigned i = 0; i < nlabels; i++)
			f->labels[i] = labels[i];
		for (unsigned i = 0; i < nbuckets; i++)
			f->buckets[i] = buckets[i];
		*registry.tail = f;
		registry.tail = &f->next;
	} else if (!same_shape(f, type, labels, nlabels, buckets, nbuckets)) {
		f = NULL;
	}
	pthread_mutex_unlock(&registry.lock);
	return f;
}

/* One key from all label values; the length before each keeps ("a", "bc") and ("ab", "c") apart. */
static char *series_key(const struct metric_family *f, const char *const *values)
{
	struct buf b;

	buf_init(&b, 0);
	for (unsigned i = 0; i < f->nlabels; i++)
		buf_printf(&b, "%zu:%s", strlen(values[i]), values[i]);
	return buf_take(&b);
}

static size_t cell_stride(const struct metric_family *f)
{
	size_t n = offsetof(struct metric_cell, bucket);

	if (f->type == METRIC_HISTOGRAM)
		n += (f->nbuckets + 1) * sizeof(uint64_t);
	return (n + CELL_ALIGN - 1) / CELL_ALIGN * CELL_ALIGN;
}

static struct metric_series *series_new(struct metric_family *f, const char *const *values)
{
	struct metric_series *s = mem_zalloc(sizeof(*s));
	size_t size;

	s->family = f;
	s->stride = cell_stride(f);
	size = s->stride * (registry.workers + 1);
	s->cells = aligned_alloc(CELL_ALIGN, size);
	if (!s->cells)
		abort(); /* as base/mem does: small, and there is no way on */
	memset(s->cells, 0, size);
	for (unsigned i = 0; i < f->nlabels; i++)
		s->values[i] = mem_strdup(values[i]);
	for (unsigned i = 0; i < f->nbuckets; i++)
		s->bound_ns[i] = (uint64_t)(f->buckets[i] * 1e9 + 0.5);
	return s;
}

static void series_free(struct metric_series *s)
{
	for (unsigned i = 0; i < s->family->nlabels; i++)
		free(s->values[i]);
	free(s->cells);
	free(s);
}

struct metric_series *metric_series_get(struct metric_family *f, const char *const *values)
{
	_cleanup_free_ char *key = series_key(f, values);
	struct metric_series *s;

	pthread_mutex_lock(&registry.lock);
	s = map_get(&f->series, str_of(key));
	if (!s) {
		s = series_new(f, values);
		map_set(&f->series, str_of(key), s);
	}
	s->refs++;
	pthread_mutex_unlock(&registry.lock);
	return s;
}

void metric_series_put(struct metric_series **sp)
{
	struct metric_series *s = take_ptr(*sp);

	if (!s)
		return;
	pthread_mutex_lock(&registry.lock);
	if (--s->refs == 0) {
		_cleanup_free_ char *key = series_key(s->family, (const char *const *)s->values);

		map_remove(&s->family->series, str_of(key));
		series_free(s);
	}
	pthread_mutex_unlock(&registry.lock);
}

void metric_teardown(void)
{
	struct metric_family *f, *next;

	pthread_mutex_lock(&registry.lock);
	for (f = registry.families; f; f = next) {
		next = f->next;
		map_each (e, &f->series)
			series_free(e->value);
		map_free(&f->series);
		free(f);
	}
	registry.families = NULL;
	registry.tail = &registry.families;
	registry.workers = 0;
	pthread_mutex_unlock(&registry.lock);
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static double double_of(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

void metric_set(struct metric_series *s, double v)
{
	atomic_store_explicit(&s->gauge, bits_of(v), memory_order_relaxed);
}

void metric_gauge_add(struct metric_series *s, double v)
{
	uint64_t old = atomic_load_explicit(&s->gauge, memory_order_relaxed);

	while (!atomic_compare_exchange_weak(&s->gauge, &old, bits_of(double_of(old) + v)))
		;
}

void metric_observe_ns(struct metric_series *s, unsigned column, uint64_t ns)
{
	struct metric_cell *c = metric_cell(s, column);
	unsigned i = 0;

	while (i < s->family->nbuckets && ns > s->bound_ns[i])
		i++;
	metric_cell_add(&c->bucket[i], 1);
	metric_cell_add(&c->sum_ns, ns);
}

static void sum_histogram(const struct metric_series *s, struct metric_sample *out)
{
	uint64_t sum_ns = 0;

	for (unsigned col = 0; col <= registry.workers; col++) {
		struct metric_cell *c = (struct metric_cell *)(s->cells + s->stride * col);

		for (unsigned i = 0; i <= s->family->nbuckets; i++)
			out->bucket[i] += atomic_load_explicit(&c->bucket[i], memory_order_relaxed);
		sum_ns += atomic_load_explicit(&c->sum_ns, memory_order_relaxed);
	}
	for (unsigned i = 1; i <= s->family->nbuckets; i++)
		out->bucket[i] += out->bucket[i - 1];
	out->count = out->bucket[s->family->nbuckets];
	out->sum = (double)sum_ns / 1e9;
}

static double sum_counter(const struct metric_series *s)
{
	uint64_t sum = 0;

	for (unsigned col = 0; col <= registry.workers; col++) {
		struct metric_cell *c = (struct metric_cell *)(s->cells + s->stride * col);

		sum += atomic_load_explicit(&c->value, memory_order_relaxed);
	}
	return (double)sum;
}

static void sample_series(const struct metric_series *s, struct metric_sample *out)
{
	*out = (struct metric_sample){ .family = s->family, .values = (const char *const *)s->values };
	switch (s->family->type) {
	case METRIC_COUNTER:
		out->value = sum_counter(s);
		break;
	case METRIC_GAUGE:
		out->value = double_of(atomic_load_explicit(&s->gauge, memory_order_relaxed));
		break;
	case METRIC_HISTOGRAM:
		sum_histogram(s, out);
		break;
	}
}

void metric_walk(void (*fn)(void *ctx, const struct metric_sample *s), void *ctx)
{
	struct metric_sample sample;

	pthread_mutex_lock(&registry.lock);
	for (struct metric_family *f = registry.families; f; f = f->next) {
		map_each (e, &f->series) {
			sample_series(e->value, &sample);
			fn(ctx, &sample);
		}
	}
	pthread_mutex_unlock(&registry.lock);
}
