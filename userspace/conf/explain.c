/* Documents made from the option tables. */
#include "conf/explain.h"
#include "model/conf_dynamic.h"
#include "model/conf_static.h"

void explain_reference(struct buf *out)
{
	buf_puts(out, "# Options\n\n"
		      "Generated from the option tables by `sluice help options`; do not edit.\n\n"
		      "Keys are written in any case. A duration is a number with units (`1h30m`, `1.5s`, `250ms`) or a "
		      "plain number of\n"
		      "seconds; a size is a number of bytes, plain or with `KiB`, `MiB`, `GiB`; a list is a YAML list "
		      "or one text with\n"
		      "commas; a boolean is `true` or `false`. A key without a value counts as absent. Start-up "
		      "options and routing\n"
		      "configuration may stand in one file.\n\n"
		      "# Start-up options\n");
	opt_reference(&static_table, "", out);
	buf_puts(out, "\n# Routing configuration\n");
	opt_reference(&dynamic_table, "", out);
}

void explain_example(struct buf *out)
{
	buf_puts(out, "# Every option of sluice with a value it may have, most often its default.\n"
		      "# Generated from the option tables by `sluice help example`; do not edit.\n\n"
		      "# ---- start-up options: a change needs a restart ----\n\n");
	opt_example(&static_table, 0, out);
	buf_puts(out, "\n# ---- routing configuration: changes are taken over while sluice runs ----\n\n");
	opt_example(&dynamic_table, 0, out);
}
