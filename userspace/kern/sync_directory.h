/* Keeps the tables of addresses and ports at what the table of services and backends says. Control thread only. */
#pragma once
#include "kern/live.h"

/* Maps the tables of an opened object. 0 or -errno. */
int sync_directory_open(struct live *l);
void sync_directory_close(struct live *l);
/* Active services become reachable, then what nobody wants any more goes. Also to be called when backends' source
 * addresses changed. 0 or -errno. */
int sync_directory(struct live *l, const struct table *t);
