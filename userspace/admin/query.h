/* Parameters of a request's query, percent-decoded. */
#pragma once
#include <stdbool.h>
#include "base/str.h"

/* The first value of `key` as NUL-terminated text; false when it is absent, badly escaped, holds a NUL or does not fit.
 */
bool query_get(struct str query, const char *key, char *ret, size_t cap);
/* The next value of `key` and so on, for keys that may come several times; moves *query behind it. */
bool query_next(struct str *query, const char *key, char *ret, size_t cap);
/* Decodes %XX (and '+' as a space when `form`); the same bounds. */
bool query_decode(struct str s, bool form, char *ret, size_t cap);
