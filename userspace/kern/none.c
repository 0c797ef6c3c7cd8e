/* The kernel tier where there is none: no root, no BPF, no interfaces. Says for every service that nobody serves it. */
#include <errno.h>
#include <stdlib.h>
#include "base/mem.h"
#include "kern/kern.h"

struct none {
	struct kern kern;
	char *why;
};

static int none_sync(struct kern *k, const struct kern_service *services, size_t n, struct err_list *errs)
{
	const struct none *none = container_of(k, struct none, kern);

	for (size_t i = 0; i < n; i++)
		err_warn(errs, (struct place){ 0 }, services[i].name, "not served by XDP: %s", none->why);
	return 0;
}

static int none_guard(struct kern *k, const struct kern_guard *guard, struct err_list *errs)
{
	(void)k;
	(void)guard;
	(void)errs;
	return 0;
}

static int none_probe_path(struct kern *k, const struct kern_service *s, const struct endpoint *backend,
			   struct kern_probe_path *ret)
{
	(void)k;
	(void)s;
	(void)backend;
	ret->problem[0] = '\0'; /* sync has said that nobody serves it */
	return -EOPNOTSUPP;
}

static int none_poll_fd(struct kern *k)
{
	(void)k;
	return -1;
}

static void none_refresh(struct kern *k)
{
	(void)k;
}

static void none_counts(struct kern *k, void (*fn)(void *ctx, const struct kern_count *c), void *ctx)
{
	(void)k;
	(void)fn;
	(void)ctx;
}

static size_t none_interfaces(struct kern *k, struct kern_iface_state *ret, size_t max)
{
	(void)k;
	(void)ret;
	(void)max;
	return 0;
}

static void none_close(struct kern *k, bool keep)
{
	struct none *none = container_of(k, struct none, kern);

	(void)keep;
	free(none->why);
	free(none);
}

static const struct kern_ops none_ops = {
	.sync = none_sync,
	.guard = none_guard,
	.probe_path = none_probe_path,
	.poll_fd = none_poll_fd,
	.refresh = none_refresh,
	.counts = none_counts,
	.interfaces = none_interfaces,
	.close = none_close,
};

struct kern *kern_none_open(const char *why)
{
	struct none *none = mem_zalloc(sizeof(*none));

	none->kern.ops = &none_ops;
	none->why = mem_strdup(why);
	return &none->kern;
}
