/* The files that TLS configuration names: says when what they hold has changed. Certificates are renewed by tools that
 * do not touch the routing configuration. Control thread only. */
#pragma once
#include "base/vec.h"
#include "io/loop.h"
#include "model/conf_dynamic.h"

struct cert_watch {
	struct loop *loop;
	struct watch inotify; /* fd -1: nothing is watched */
	struct timer settle;  /* a certificate and its key come one after the other */
	VEC(char *) paths;
	uint64_t content; /* hash of the files */
	void (*changed)(struct cert_watch *w);
};

void cert_watch_init(struct cert_watch *w, struct loop *loop, void (*changed)(struct cert_watch *w));
/* From now on these files; what they hold now counts as known. */
void cert_watch_set(struct cert_watch *w, const struct dynamic_conf *conf);
void cert_watch_free(struct cert_watch *w);
