/* The list of middlewares. Adding one: its file, one line in all.c, one test. */
#pragma once
#include "proxy/mw.h"

extern const struct mw_type *const middleware_all[]; /* ends with NULL */
/* The same as alternatives for the option engine; built once. */
const struct opt_variant *middleware_all_variants(void);
