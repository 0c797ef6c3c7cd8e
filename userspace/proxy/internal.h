/* A service answered by the agent itself: api@internal, ping@internal, prometheus@internal. Implemented above (room
 * admin). */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "base/str.h"

struct internal_request {
	struct str method, path, query; /* path normalised, without query */
	struct endpoint peer;
};

struct internal_reply {
	int status;		  /* 200 unless set */
	const char *content_type; /* static text */
	char location[256];	  /* for redirects; "" none */
	char allow[64];		  /* for 405 */
	const char *extra_name;	  /* one more header field, static text; NULL: none */
	char extra_value[64];
	struct buf body;
};

struct internal_service {
	const char *name; /* "ping@internal" */
	/* Runs on the control thread (or on the worker when any_thread), may take milliseconds; fills reply
	 * (initialised by the caller). */
	void (*serve)(void *ctx, const struct internal_request *rq, struct internal_reply *reply);
	void *ctx;
	bool any_thread;
};
