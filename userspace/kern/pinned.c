/* The beginning of everything that looks into pins. */
#include "kern/pinned.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "base/mem.h"
#include "kern/mapio.h"
#include "kern/pin.h"

int pinned_map(const char *dir, const char *name)
{
	char path[PIN_PATH_MAX];
	int fd;

	if (pin_map_path(dir, name, path) < 0)
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pinned_refuse(struct err_list *errs, const char *dir, int r)
{
	err_add(errs, (struct place){ 0 }, "kernel.pinPath", "cannot read what is pinned under %s: %s%s", dir,
		strerror(-r),
		r == -ENOENT   ? "; nothing was loaded there, or the configuration names another path"
		: r == -EPERM  ? "; root is needed"
		: r == -EACCES ? "; root is needed"
			       : "");
	return r;
}

static int read_array(const char *dir, const char *name, void *out, uint32_t n, size_t size)
{
	_cleanup_close_ int fd = pinned_map(dir, name);

	return fd < 0 ? fd : mapio_read_array(fd, out, n, size);
}

int pinned_open(const char *dir, struct lb_abi *ret_abi, struct table *ret, struct err_list *errs)
{
	int r = read_array(dir, "abi", ret_abi, 1, sizeof(*ret_abi));

	*ret = (struct table){ 0 };
	if (r < 0)
		return pinned_refuse(errs, dir, r);
	if (ret_abi->abi != LB_ABI) {
		err_add(errs, (struct place){ 0 }, "kernel.pinPath",
			"what is pinned under %s has ABI %u, and this version reads %u: use the sluice that loaded it",
			dir, ret_abi->abi, LB_ABI);
		return -ESTALE;
	}
	table_init(ret, ret_abi->max_services, ret_abi->max_backends);
	r = read_array(dir, "services", ret->services, ret->nservices, sizeof(*ret->services));
	if (r == 0)
		r = read_array(dir, "backends", ret->backends, ret->nbackends, sizeof(*ret->backends));
	return r < 0 ? pinned_refuse(errs, dir, r) : 0;
}
