/* ping@internal: 200 "OK" while the agent serves, ping.terminatingStatusCode from the moment it was told to stop. */
#pragma once
#include "proxy/internal.h"

void ping_serve(void *ctx, const struct internal_request *rq,
		struct internal_reply *reply); /* ctx: struct apply; any thread */
