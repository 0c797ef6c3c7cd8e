/* Runs on workers: reads nothing but an atomic and settings fixed at start. */
#include "admin/ping.h"
#include <stdio.h>
#include "conf/apply.h"
#include "http/status.h"

#define DEFAULT_TERMINATING 503

void ping_serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply)
{
	const struct apply *a = ctx;

	reply->content_type = "text/plain; charset=utf-8";
	if (!str_eq(rq->method, STR("GET")) && !str_eq(rq->method, STR("HEAD"))) {
		reply->status = 405;
		snprintf(reply->allow, sizeof(reply->allow), "GET, HEAD");
		buf_puts(&reply->body, "Method Not Allowed");
		return;
	}
	if (!atomic_load_explicit(&a->engine->draining, memory_order_relaxed)) {
		buf_puts(&reply->body, "OK");
		return;
	}
	reply->status = a->conf->ping && a->conf->ping->terminating_status ? (int)a->conf->ping->terminating_status
									   : DEFAULT_TERMINATING;
	buf_str(&reply->body, status_reason((unsigned)reply->status));
}
