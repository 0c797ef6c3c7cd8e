/* The list of providers. */
#include "provider/all.h"
#include "provider/file.h"

const struct provider_ops *const provider_all[] = { &file_provider, NULL };
