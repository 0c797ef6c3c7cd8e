/* What the providers delivered last, and when it is time to build a configuration from it: the first delivery at once,
 * later ones at most once per throttle time, newest only. Control thread only. */
#pragma once
#include "base/vec.h"
#include "io/loop.h"
#include "provider/provider.h"

struct delivery {
	char *provider;
	struct arena *arena; /* NULL: nothing usable yet */
	struct tree *root;
	struct err_list warnings; /* of that delivery */
};

struct inbox {
	struct loop *loop;
	uint64_t throttle_ms, next_ms;
	struct timer timer;
	VEC(struct delivery) v;
	bool held; /* deliveries are collected, nothing is built: while the providers start */
	void (*changed)(struct inbox *in);
	/* A provider's configuration has errors; what it delivered before stays. The callee may move errs away. */
	void (*refused)(struct inbox *in, const char *provider, struct err_list *errs);
};

void inbox_init(struct inbox *in, struct loop *loop, uint64_t throttle_ns);
struct provider_sink inbox_sink(struct inbox *in);
void inbox_again(struct inbox *in);   /* builds anew from the same deliveries, when it is time */
void inbox_release(struct inbox *in); /* ends `held` and builds now */
/* All deliveries as one tree with qualified names, in `a`. Adds their warnings. 0 or -EINVAL. */
int inbox_merge(const struct inbox *in, struct arena *a, struct tree **ret, struct err_list *errs);
void inbox_free(struct inbox *in); /* stop the providers first */
