/* The Date header value, IMF-fixdate (RFC 9110 §5.6.7), made at most once per second and holder. */
#pragma once
#include <stdint.h>
#include "base/str.h"

#define DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* One per worker; zero-initialised is valid. Not thread-safe. */
struct date_cache {
	int64_t second; /* of the text; meaningless while text[0] is NUL */
	char text[DATE_LEN + 1];
};

/* `unix_s`: seconds since 1970, years 0 to 9999. Writes DATE_LEN bytes and a NUL. */
void date_format(int64_t unix_s, char out[DATE_LEN + 1]);

/* The text for this moment (clock_wall_ns() or a value of the loop), a view into `d` valid until the next call. */
struct str date_get(struct date_cache *d, uint64_t wall_ns);
