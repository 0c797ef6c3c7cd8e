/* Would the kernel tier work on this host, and well? Finds out without changing anything (older kernels do not tell
 * what a driver can: there a program that passes everything is attached for a moment). Control thread; waits up to some
 * seconds for neighbours to answer. */
#pragma once
#include "kern/kern.h"

enum preflight_level { PREFLIGHT_OK, PREFLIGHT_WARN, PREFLIGHT_FAIL };

struct preflight_finding {
	enum preflight_level level;
	const char *subject; /* "kernel", an interface, an address */
	const char *text;
	const char *remedy; /* NULL: nothing to do */
};

/* Valid during the call. */
typedef void preflight_fn(void *ctx, const struct preflight_finding *f);

/* conf NULL: the host only. Services as they would be given to kern_ops.sync. */
void preflight_run(const struct kern_conf *conf, const struct kern_service *services, size_t n, preflight_fn *fn,
		   void *ctx);
