/* Counters, gauges and histograms. A series has one cell per column (one column per worker plus the last one, for the
 * control thread), so that the hot path adds without a lock or an atomic read-modify-write; readers sum the columns. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/map.h"
#include "base/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_MAX_LABELS  8
#define METRIC_MAX_BUCKETS 32

struct metric_family {
	const char *name, *help; /* static text */
	enum metric_type type;
	unsigned nlabels;
	const char *labels[METRIC_MAX_LABELS];
	unsigned nbuckets;
	double buckets[METRIC_MAX_BUCKETS]; /* upper bounds in seconds, ascending, without +Inf */
	struct map series;		    /* label values -> struct metric_series; under the registry lock */
	struct metric_family *next;
};

/* A cell is written by its own column's thread only; 64 bytes aligned so that columns never share a line. */
struct metric_cell {
	_Atomic uint64_t value;	   /* counter */
	_Atomic uint64_t sum_ns;   /* histogram: sum of observations */
	_Atomic uint64_t bucket[]; /* histogram: nbuckets + 1, not cumulative */
} __attribute__((aligned(64)));

struct metric_series {
	struct metric_family *family;
	unsigned refs; /* under the registry lock */
	size_t stride; /* bytes from one column's cell to the next */
	char *cells;
	_Atomic uint64_t gauge; /* METRIC_GAUGE: bits of a double, written by anybody */
	uint64_t bound_ns[METRIC_MAX_BUCKETS];
	char *values[METRIC_MAX_LABELS];
};

/* Once at start, before any series: number of worker columns; the control thread's is column `workers`. */
void metric_setup(unsigned workers);
unsigned metric_control_column(void);
void metric_teardown(void); /* frees everything; tests and a clean exit */

/* Finds or registers; name, help and labels must be static text. Process lifetime. Any thread. NULL when the name is
 * taken by a family of another type, other labels or other buckets, or past the bounds above: a programming error. */
struct metric_family *metric_family(const char *name, const char *help, enum metric_type type,
				    const char *const *labels, unsigned nlabels, const double *buckets,
				    unsigned nbuckets);
/* Finds or creates the series with these label values and takes a reference. Any thread; locks. */
struct metric_series *metric_series_get(struct metric_family *f, const char *const *values);
void metric_series_put(struct metric_series **s); /* the last reference removes it from the exposition; accepts NULL */

static inline struct metric_cell *metric_cell(struct metric_series *s, unsigned column)
{
	return (struct metric_cell *)(s->cells + s->stride * column);
}

/* Single writer per cell: a plain load and store, made visible without a locked instruction. */
static inline void metric_cell_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void metric_add(struct metric_series *s, unsigned column, uint64_t n)
{
	metric_cell_add(&metric_cell(s, column)->value, n);
}

void metric_set(struct metric_series *s, double v);	  /* gauge */
void metric_gauge_add(struct metric_series *s, double v); /* gauge, atomic */
/* Counter kept elsewhere (a kernel map); control thread. */
void metric_observe_ns(struct metric_series *s, unsigned column, uint64_t ns); /* histogram */

/* What an exporter sees: totals over all columns. bucket counts are cumulative, bucket[nbuckets] == count. */
struct metric_sample {
	const struct metric_family *family;
	const char *const *values;
	double value; /* counter or gauge */
	uint64_t count;
	double sum; /* seconds */
	uint64_t bucket[METRIC_MAX_BUCKETS + 1];
};
/* Calls fn for every series, families together, both in registration order. Holds the registry lock: fn must not get
 * or put a series. */
void metric_walk(void (*fn)(void *ctx, const struct metric_sample *s), void *ctx);
