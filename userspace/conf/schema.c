/* Collects the option tables of all rooms. */
#include "conf/schema.h"
#include "model/conf_dynamic.h"

void schema_init(const struct opt_variant *variants)
{
	middleware_variants = variants;
}
