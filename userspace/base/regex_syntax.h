/* Regular expressions as Go's package regexp (RE2) reads them, rewritten for PCRE2. Where the two differ in meaning the
 * result says what Go means; what Go does not have is refused, also where PCRE2 would take it. */
#pragma once
#include "base/buf.h"
#include "base/str.h"

#define REGEX_TEXT_MAX 4096 /* bytes of a pattern */

struct regex_error {
	size_t at; /* offset into the pattern */
	char text[160];
};

/* Appends the PCRE2 pattern to out. 0 or -EINVAL with *ret_error set. To be compiled with PCRE2_UTF, ALT_CIRCUMFLEX,
 * NO_AUTO_CAPTURE and newline LF. `countless`: for pcre2_dfa_match(), which gives each turn of x+ a
 * state of its own; x* has one. */
int regex_translate(struct str pattern, bool countless, struct buf *out, struct regex_error *ret_error);
