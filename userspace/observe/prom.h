/* Prometheus text exposition, format 0.0.4: the registry of base/metric, facts about this process, and rows of counters
 * kept elsewhere. Only text; who may ask for it is room admin's business. Control thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void prom_registry(struct buf *out); /* every series of base/metric */
void prom_process(struct buf *out);  /* process_* as client libraries name them, and sluice_build_info */

struct prom_label {
	const char *name, *value;
};

/* One sample of a foreign counter or gauge. Name and help must be static text. */
struct prom_row {
	const char *name, *help;
	bool gauge;
	const struct prom_label *labels;
	size_t nlabels;
	uint64_t value;
};

/* Rows arrive in any order; the format wants one block per name. */
struct prom_rows;
struct prom_rows *prom_rows_new(void);
void prom_rows_add(struct prom_rows *r, const struct prom_row *row);
void prom_rows_write(const struct prom_rows *r, struct buf *out); /* in the order in which names were first seen */
void prom_rows_free(struct prom_rows **r);
