/* Moved rows become ordinary ones again when no connection needs their past: the change is longer ago than a silent
 * connection is remembered, and no entry of the flow table says otherwise than the row. The table is looked through in
 * slices, a few per call. Control thread only. */
#pragma once
#include "kern/live.h"

struct settle *settle_new(uint64_t tcp_timeout_ns, uint64_t udp_timeout_ns);
void settle_free(struct settle **s);
/* Does the next part of the work; call it about once a second. */
void settle_step(struct live *l);
/* A service's rows were replaced: what was found out about them is void. */
void settle_void(struct live *l);
