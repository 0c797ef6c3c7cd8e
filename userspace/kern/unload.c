/* Links go first: a program never runs on maps that are being taken apart. */
#include "kern/unload.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "kern/pin.h"
#include "kern/probe_path.h"

static void remove_link(void *ctx, const char *path)
{
	(void)ctx;
	unlink(path);
}

/* The map `abi` is in every directory of ours. */
static int check_ours(const char *dir, struct err_list *errs)
{
	struct place nowhere = { 0 };
	char path[PIN_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	if (pin_map_path(dir, "abi", path) < 0)
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return 0;
	r = -errno;
	if (r == -EPERM || r == -EACCES)
		err_add(errs, nowhere, "kernel.pinPath", "%s cannot be opened: root is needed", dir);
	else if (pin_is_empty(dir))
		err_add(errs, nowhere, "kernel.pinPath", "nothing is pinned under %s", dir);
	else
		err_add(errs, nowhere, "kernel.pinPath",
			"%s is not a pin directory of the kernel tier; nothing was removed", dir);
	return r == -ENOENT && !pin_is_empty(dir) ? -EINVAL : r;
}

int unload_all(const char *pin_path, struct err_list *errs)
{
	_cleanup_close_ int lock = -1;
	int r = check_ours(pin_path, errs);

	if (r < 0)
		return r;
	lock = pin_lock(pin_path, errs);
	if (lock < 0)
		return lock;
	pin_each_link(pin_path, remove_link, NULL);
	probe_path_take_out(pin_path);
	pin_remove(pin_path);
	return 0;
}
