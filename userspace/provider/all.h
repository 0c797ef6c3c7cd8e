/* The list of providers, for looking one up by the name that stands after @. */
#pragma once
#include "provider/provider.h"

extern const struct provider_ops *const provider_all[];	    /* ends with NULL */
const struct provider_ops *provider_find(const char *name); /* NULL when there is none */
