/* Rows of named cells as a table for people or as JSON for programs. The first row says what the columns are. Any
 * number of rows: columns are as wide as the widest of some hundred rows at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/buf.h"
#include "kern/dump.h"

#define ROWS_CELLS_MAX 20

struct rows {
	FILE *to;
	bool json;
	const char *title;  /* of a table; NULL: none */
	size_t n;	    /* rows so far */
	struct buf pending; /* table: cells of rows not written yet, each ended by NUL */
	size_t npending, ncells;
	int width[ROWS_CELLS_MAX];
};

/* title: a line above the table, kept by the caller; NULL: none. */
void rows_init(struct rows *r, FILE *to, bool json, const char *title);
/* ctx is the struct rows: fits dump_rows(). At most ROWS_CELLS_MAX cells. */
void rows_add(void *ctx, const struct dump_cell *cells, size_t n);
/* Writes what is left; for JSON the end of the array. */
void rows_finish(struct rows *r);
/* Instead of that, when rows could not be had: writes nothing if there was none. */
void rows_abandon(struct rows *r);
