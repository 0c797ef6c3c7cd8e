/* Three sources, one page: the registry, the kernel tier's maps, the process. */
#include "admin/prometheus.h"
#include <stdio.h>
#include "admin/api_kernel.h"

void prometheus_serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply)
{
	const struct apply *a = ctx;

	if (!str_eq(rq->method, STR("GET")) && !str_eq(rq->method, STR("HEAD"))) {
		reply->status = 405;
		reply->content_type = "text/plain; charset=utf-8";
		snprintf(reply->allow, sizeof(reply->allow), "GET, HEAD");
		buf_puts(&reply->body, "Method Not Allowed");
		return;
	}
	reply->content_type = PROM_CONTENT_TYPE;
	prom_registry(&reply->body);
	api_kernel_metrics(a, &reply->body);
	prom_process(&reply->body);
	if (buf_ok(&reply->body))
		return;
	buf_reset(&reply->body);
	reply->status = 500;
	reply->content_type = "text/plain; charset=utf-8";
	buf_puts(&reply->body, "metrics too large");
}
