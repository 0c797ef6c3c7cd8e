/* The directory in bpffs that outlives the agent: maps under their own names, one link per interface. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define PIN_PATH_MAX 256

/* Makes sure `dir` exists on a bpffs; mounts one at /sys/fs/bpf if dir is below it and nothing is mounted. 0 or -errno
 * with the remedy in errs. */
int pin_prepare(const char *dir, struct err_list *errs);
/* One process at a time works on a pin directory. Returns a descriptor that holds the lock until it is closed (a
 * process that dies lets go of it), or -errno: -EBUSY with the remedy in errs when another one has it. */
int pin_lock(const char *dir, struct err_list *errs);
/* dir/name, or dir/link_<name> for interfaces. out has PIN_PATH_MAX bytes; -ENAMETOOLONG. */
int pin_map_path(const char *dir, const char *name, char *out);
int pin_link_path(const char *dir, const char *ifname, char *out);
/* Calls fn with the path of every pinned link. fn may unlink it. */
void pin_each_link(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx);
bool pin_is_empty(const char *dir);
/* Unlinks everything in dir and dir itself. */
void pin_remove(const char *dir);
