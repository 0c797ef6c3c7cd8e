/* Reading what is pinned, without an agent: is it there, is it of this version, and whose id is whose. */
#pragma once
#include "base/err.h"
#include "kern/table.h"
#include "lb/abi.h"

/* The table is freed by table_free() in any case. 0, or -errno with what to do about it in errs. */
int pinned_open(const char *dir, struct lb_abi *ret_abi, struct table *ret, struct err_list *errs);
/* A descriptor of the pinned map that the caller closes, or -errno. */
int pinned_map(const char *dir, const char *name);
/* Says why dir cannot be read; returns r. */
int pinned_refuse(struct err_list *errs, const char *dir, int r);
