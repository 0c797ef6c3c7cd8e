/* What is pinned, as rows of named cells: for people, and for whoever parses JSON. Reads only; works beside a running
 * agent and without one. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/err.h"

enum dump_what {
	DUMP_ABI,      /* one row: what the maps were made for */
	DUMP_LINKS,    /* interfaces with the program */
	DUMP_MAPS,     /* sizes, fill, memory */
	DUMP_SERVICES, /* ids in use, retired ones too */
	DUMP_VIPS,     /* what the program looks up */
	DUMP_BACKENDS, /* ids in use, retired ones too */
	DUMP_FLOWS,
	DUMP_REASONS,
};

struct dump_cell {
	const char *name; /* lower camel case, as in JSON */
	const char *text; /* NULL: the number */
	uint64_t number;
};

/* Flows only; NULL: any. Ports 0: any port. */
struct dump_filter {
	const struct addr *client;
	const struct endpoint *vip, *backend;
};

/* Rows of one kind have the same cells in the same order; they are valid during the call only. filter may be NULL.
 * 0, or -errno with errors added. */
int dump_rows(const char *pin_path, enum dump_what what, const struct dump_filter *filter,
	      void (*fn)(void *ctx, const struct dump_cell *cells, size_t n), void *ctx, struct err_list *errs);
