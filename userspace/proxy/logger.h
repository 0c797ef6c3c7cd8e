/* What an access logger or tracer implements. Called once per request, on its worker, when everything about it is
 * known. */
#pragma once

struct req;
struct worker;

struct logger {
	const char *name;
	void (*on_done)(void *ctx, unsigned worker, const struct req *r);
	void (*flush)(void *ctx, unsigned worker); /* about once a second and when the worker stops; may be NULL */
	void *ctx;
};
