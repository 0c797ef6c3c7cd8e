/* Kernel counters → rows for the metrics exposition. */
#pragma once
#include "kern/live.h"

/* kern_ops.counts: rows of one metric stay together. Services and backends that are active; one name, one row. */
void count_visit(struct live *l, void (*fn)(void *ctx, const struct kern_count *c), void *ctx);
