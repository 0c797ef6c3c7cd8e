/* The scalar kinds of the option engine: text to value, value to text, and what to say when the text is none.
 * Private to the option engine. */
#pragma once
#include "base/buf.h"
#include "model/opt.h"

/* Writes the value at `ret` (of the row's C type). 0, -EINVAL (not of that form) or -ERANGE (outside min..max). */
int opt_kind_parse(const struct opt *o, struct str text, struct arena *a, void *ret);
/* The value as it would be written in a configuration, without quotes. */
void opt_kind_print(const struct opt *o, const void *field, struct buf *out);
bool opt_kind_equal(const struct opt *o, const void *a, const void *b);
/* "an integer between 0 and 65535": completes "expected ". */
void opt_kind_expected(const struct opt *o, struct buf *out);
/* One word or two for the reference: "duration", "list of strings". */
const char *opt_kind_name(const struct opt *o);
/* "0..65535", "at least 1ms" or "" */
void opt_kind_bounds(const struct opt *o, struct buf *out);
/* Appends a double in the shortest form that reads back as the same number. */
void opt_kind_double(double v, struct buf *out);
