/* prometheus@internal: the metrics page. */
#pragma once
#include "proxy/internal.h"

void prometheus_serve(void *ctx, const struct internal_request *rq,
		      struct internal_reply *reply); /* ctx: struct apply; control thread */
