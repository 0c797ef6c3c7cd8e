/* The HTTP API: a table of routes, and what is common to them: methods, lists with search and pages, errors as JSON. */
#pragma once
#include <jansson.h>
#include "conf/apply.h"
#include "proxy/internal.h"

struct api_route {
	const char *path;			/* below api.basePath */
	json_t *(*show)(const struct apply *a); /* new reference */
	const char *noun; /* show returns objects by name: `path` lists them, `path`/{name} is one; NULL: show returns
			     the answer */
	const char *doc;
	/* Instead of show, for what depends on the query; sets *ret_status when it is not 200. */
	json_t *(*answer)(const struct apply *a, struct str query, int *ret_status);
};

extern const struct api_route api_routes[]; /* ends with path NULL */

/* Answers a request for `path` ("/api/…", api.basePath taken off). `reply` as the engine initialises it. Control
 * thread. */
void api_answer(const struct apply *a, struct str method, struct str path, struct str query,
		struct internal_reply *reply);
/* The same as an internal service; ctx is a struct apply. */
void api_serve(void *ctx, const struct internal_request *rq, struct internal_reply *reply);
