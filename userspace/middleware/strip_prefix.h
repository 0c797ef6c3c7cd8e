/* stripPrefix: removes the first matching prefix from the path and reports it in X-Forwarded-Prefix. */
#pragma once
#include "proxy/mw.h"

extern const struct mw_type mw_strip_prefix;
