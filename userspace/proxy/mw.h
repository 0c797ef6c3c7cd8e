/* What a middleware is. Plug-ins live above the engine (room middleware); the engine names none of them.
 * Contexts are created per router at link time, immutable or worker-safe by their own means, and die with the
 * snapshot's arena. */
#pragma once
#include "model/opt.h"

struct req;

enum mw_result {
	MW_NEXT,    /* go on with the next one */
	MW_REPLIED, /* req->reply is filled; go to the response phase */
	MW_WAIT,    /* phase_resume(req) will be called later on this worker */
};

struct mw_type {
	const char *name; /* key under http.middlewares.<name> */
	const struct opt_table *conf;
	/* Makes the context from decoded configuration, in the snapshot's arena. 0 or -EINVAL with errors added. */
	int (*create)(const void *conf, struct arena *arena, struct place at, const char *key, struct err_list *errs,
		      void **ret_ctx);
	enum mw_result (*on_request)(void *ctx, struct req *r); /* may be NULL; before a server is chosen */
	void (*on_response)(void *ctx,
			    struct req *r);	   /* may be NULL; before the head goes out, last middleware first */
	void (*on_done)(void *ctx, struct req *r); /* may be NULL; exactly once for each that saw on_request */
};

struct mw {
	const struct mw_type *type;
	void *ctx;
	const char *name; /* qualified */
};
