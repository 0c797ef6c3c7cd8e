/* How many requests a server is given at a time (loadBalancer.maxConnections), and the queue for the rest. The count is
 * one atomic per server for all workers; each worker queues its own requests, first come first served. */
#pragma once
#include "proxy/http_fsm.h"

void slots_leave(struct req *r);  /* the request is over: its slot, if any, goes to the next one */
void slots_forget(struct req *r); /* it waits no longer */
