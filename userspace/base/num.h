/* Numbers as people write them in configuration. All return 0, -EINVAL (not a number of that form) or -ERANGE. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

int num_i64(struct str s, int64_t *ret); /* base 10, optional sign */
int num_u64(struct str s, uint64_t *ret);
/* 2 * n hexadecimal digits, and no more, into n bytes. 0 or -EINVAL. */
int num_hex(struct str s, uint8_t *ret, size_t n);
int num_double(struct str s, double *ret); /* decimal, no inf/nan/hex */
int num_bool(struct str s, bool *ret);	   /* exactly 1 t T TRUE true True 0 f F FALSE false False */
/* Go duration ("1h30m", "1.5s", "250ms"), or a plain integer meaning seconds. Result in ns; negative allowed. */
int num_duration_ns(struct str s, int64_t *ret);
int num_size(struct str s, uint64_t *ret);	   /* bytes; plain integer, or with suffix KiB MiB GiB kB MB GB */
void num_print_duration(int64_t ns, char out[32]); /* as Go prints it: "1m30s", "1.5s", "250ms", "0s" */
/* Edit distance (optimal string alignment, ASCII case folded); for "did you mean". */
unsigned num_edit_distance(struct str a, struct str b);
/* The nearest of names[0..n-1] to `s` within a third of its length plus one, or NULL. */
const char *num_nearest(struct str s, const char *const *names, size_t n);
