/* noop@internal: for routers whose middlewares answer every request, such as redirections. */
#pragma once
#include "proxy/internal.h"

void noop_serve(void *ctx, const struct internal_request *rq,
		struct internal_reply *reply); /* ctx unused; any thread */
