/* A service's Maglev table as it is installed: rows, and what the moved ones were before. Reading, moving, settling.
 * Control thread only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/maglev.h"
#include "kern/live.h"
#include "lb/backend.h"

struct rows {
	uint32_t size;
	uint16_t *row;	      /* [size], LB_ROW_* */
	struct lb_past *past; /* [size], in the same memory; id LB_ROW_NONE where the row is not moved */
	size_t moved;
};

/* What is installed; rows of nobody if nothing is. Freed by rows_free(). 0 or -errno. */
int rows_read(struct live *l, uint32_t service, struct rows *ret);
/* The same from the map `maglev`, without an agent. */
int rows_load(int maglev_fd, uint32_t size, uint32_t service, struct rows *ret);
void rows_free(struct rows *r);
/* Puts `want` (ids, LB_ROW_NONE for nobody) into force. With `remember`, rows that go to another backend are marked as
 * moved since now_s (CLOCK_BOOTTIME); marks of before stay. What rows remember of ids for which forget() says true is
 * forgotten. Rows after the call: r. Touches no map. */
void rows_move(struct rows *r, const uint16_t *want, bool remember, uint16_t now_s, bool (*forget)(void *, uint16_t id),
	       void *ctx);
/* Installs r, in one step that no packet falls into. 0 or -errno. */
int rows_write(struct live *l, uint32_t service, const struct rows *r);
void rows_drop(struct live *l, uint32_t service);
