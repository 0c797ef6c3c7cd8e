/* The option tables of all rooms in one place: today the middlewares, which live above the model. */
#pragma once
#include "model/opt.h"

/* Tells the option engine which middlewares there are. `variants` ends with name NULL, lives as long as the process,
 * and each tag is what the proxy wants back (a const struct mw_type *). Call once, before anything is decoded. */
void schema_init(const struct opt_variant *variants);
