/* Documents made from the option tables: `sluice help options` and `sluice help example`, docs/OPTIONS.md and
 * config/full.yaml. */
#pragma once
#include "base/buf.h"

void explain_reference(struct buf *out); /* Markdown */
void explain_example(struct buf *out);	 /* YAML with every option; checks without error */
