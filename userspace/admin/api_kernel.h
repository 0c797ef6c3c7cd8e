/* The kernel tier as the API and the metrics show it. Control thread. */
#pragma once
#include "admin/view.h"
#include "observe/prom.h"

json_t *api_kernel_counters(const struct apply *a);		 /* [{"name","help","type","labels":{…},"value"}] */
json_t *api_kernel_interfaces(const struct apply *a);		 /* [{"name","mode","problem"?}] */
void api_kernel_metrics(const struct apply *a, struct buf *out); /* the same counters as exposition text */
