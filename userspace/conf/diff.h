/* What changed between two configurations, by name: for the log line of a reload and for telling that a restart is
 * needed. */
#pragma once
#include "base/buf.h"
#include "base/vec.h"
#include "model/conf_dynamic.h"
#include "model/conf_static.h"

enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

struct diff_item {
	enum diff_change change;
	char *key; /* "http.routers.api@file"; for start-up options the dotted key */
};

struct diff {
	VEC(struct diff_item) items;
	size_t count[DIFF_CHANGED + 1];
};

void diff_init(struct diff *d);
void diff_free(struct diff *d);
/* Appends what separates `before` (NULL: nothing was) from `after`: one item per router, service and middleware. */
void diff_dynamic(struct diff *d, const struct dynamic_conf *before, const struct dynamic_conf *after);
/* Appends one item per option, or per entry point that came or went: changes that need a restart. */
void diff_static(struct diff *d, const struct static_conf *before, const struct static_conf *after);
/* "+http.routers.a@file ~http.services.b@file -tcp.routers.c@file", at most `max` names and then how many more there
 * are. */
void diff_print(const struct diff *d, size_t max, struct buf *out);
