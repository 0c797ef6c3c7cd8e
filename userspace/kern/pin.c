/* Pins. bpffs refuses dots in names, so an interface name's dot (VLANs) becomes a tilde. */
#include "kern/pin.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/mem.h"

#define BPFFS	    "/sys/fs/bpf"
#define LINK_PREFIX "link_"

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Pins in a private mount namespace (`ip netns exec`, containers) end with its last process. */
static bool private_mounts(void)
{
	struct stat own, init;

	return stat("/proc/self/ns/mnt", &own) == 0 && stat("/proc/1/ns/mnt", &init) == 0 && own.st_ino != init.st_ino;
}

static int mount_bpffs(const char *dir, struct err_list *errs)
{
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		int r = -errno;

		err_add(errs, (struct place){ 0 }, "kernel.pinPath",
			"%s is not on a BPF file system and mounting one failed: %s; mount -t bpf bpf " BPFFS, dir,
			strerror(-r));
		return r;
	}
	if (private_mounts())
		err_warn(errs, (struct place){ 0 }, "kernel.pinPath",
			 "mounted a BPF file system at " BPFFS
			 " in a private mount namespace: forwarding will not outlive it "
			 "(enter network namespaces with nsenter --net, not ip netns exec)");
	return 0;
}

static int make_dirs(const char *dir)
{
	char path[PIN_PATH_MAX];
	size_t n = strlen(dir);

	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int pin_prepare(const char *dir, struct err_list *errs)
{
	bool below = strncmp(dir, BPFFS "/", sizeof(BPFFS)) == 0;
	int r = 0;

	if (below && !on_bpffs(BPFFS))
		r = mount_bpffs(dir, errs);
	if (r < 0)
		return r;
	r = make_dirs(dir);
	if (r == 0 && !on_bpffs(dir)) {
		rmdir(dir);
		r = -EINVAL;
	}
	if (r < 0)
		err_add(errs, (struct place){ 0 }, "kernel.pinPath",
			"cannot pin to %s: %s; it must lie on a BPF file system, e.g. %s", dir,
			r == -EINVAL ? "not a BPF file system" : strerror(-r), BPFFS "/sluice");
	return r;
}

int pin_map_path(const char *dir, const char *name, char *out)
{
	int n = snprintf(out, PIN_PATH_MAX, "%s/%s", dir, name);

	return n < PIN_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int pin_link_path(const char *dir, const char *ifname, char *out)
{
	int n = snprintf(out, PIN_PATH_MAX, "%s/" LINK_PREFIX "%s", dir, ifname);

	if (n >= PIN_PATH_MAX)
		return -ENAMETOOLONG;
	for (char *c = out + strlen(dir); *c; c++)
		if (*c == '.')
			*c = '~';
	return 0;
}

static void each_entry(const char *dir, const char *prefix, void (*fn)(void *ctx, const char *path), void *ctx)
{
	char path[PIN_PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (pin_map_path(dir, e->d_name, path) == 0)
			fn(ctx, path);
	}
	closedir(d);
}

void pin_each_link(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx)
{
	each_entry(dir, LINK_PREFIX, fn, ctx);
}

static void seen_one(void *ctx, const char *path)
{
	(void)path;
	*(bool *)ctx = true;
}

bool pin_is_empty(const char *dir)
{
	bool seen = false;

	each_entry(dir, "", seen_one, &seen);
	return !seen;
}

static void unlink_one(void *ctx, const char *path)
{
	(void)ctx;
	unlink(path);
}

void pin_remove(const char *dir)
{
	each_entry(dir, "", unlink_one, NULL);
	rmdir(dir);
}

int pin_lock(const char *dir, struct err_list *errs)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(fd);
	if (errno != EWOULDBLOCK)
		return -errno;
	err_add(errs, (struct place){ 0 }, "kernel.pinPath",
		"another process works on %s; stop it, or use another path", dir);
	return -EBUSY;
}
