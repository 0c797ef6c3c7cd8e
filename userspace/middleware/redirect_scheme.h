/* redirectScheme: sends clients to the same place under another scheme and port. */
#pragma once
#include "proxy/mw.h"

extern const struct mw_type mw_redirect_scheme;
