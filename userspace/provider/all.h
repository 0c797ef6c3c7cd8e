/* The list of providers. Adding one: its file, one line in all.c, one test. */
#pragma once
#include "provider/provider.h"

#define PROVIDER_MAX 16

extern const struct provider_ops *const provider_all[]; /* at most PROVIDER_MAX, ends with NULL */
