/* The list of providers. */
#include "provider/all.h"
#include <string.h>
#include "provider/file.h"

const struct provider_ops *const provider_all[] = { &file_provider, NULL };

const struct provider_ops *provider_find(const char *name)
{
	for (const struct provider_ops *const *p = provider_all; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
