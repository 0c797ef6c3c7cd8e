/* The list of middlewares. */
#include "middleware/all.h"
#include "base/mem.h"
#include "middleware/redirect_scheme.h"
#include "middleware/strip_prefix.h"

const struct mw_type *const middleware_all[] = {
	&mw_redirect_scheme,
	&mw_strip_prefix,
	NULL,
};

const struct opt_variant *middleware_all_variants(void)
{
	static struct opt_variant variants[ARRAY_LEN(middleware_all)];
	for (size_t i = 0; middleware_all[i]; i++)
		variants[i] =
			(struct opt_variant){ middleware_all[i]->name, middleware_all[i]->conf, middleware_all[i] };
	return variants;
}
