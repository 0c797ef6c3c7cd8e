/* Request objects: a free list per worker, so that a request costs no allocation once the worker is warm. */
#pragma once
#include "proxy/req.h"

struct req *
req_get(struct worker *w);   /* zeroed, its arena drawing on the worker's blocks, the current snapshot pinned */
void req_put(struct req *r); /* resets the arena, lets go of the snapshot */
void req_pool_free(struct worker *w);
/* The client's read or write deadline passed while the request was under way. */
void req_client_timeout(struct req *r);
/* The worker stops: the request ends now, unanswered, and its connections with it. */
void req_shut_down(struct req *r);
