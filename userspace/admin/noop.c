/* Reached only when no middleware answered; says so as Traefik does. */
#include "admin/noop.h"
#include "http/status.h"

void noop_serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply)
{
	(void)ctx;
	(void)rq;
	reply->status = 418;
	reply->content_type = "text/plain; charset=utf-8";
	buf_str(&reply->body, status_reason(418));
}
