/* Regular expressions with Go's syntax and meaning, matched by PCRE2 in bounded time. A pattern may be matched by any
 * number of threads at once. */
#pragma once
#include "base/arena.h"
#include "base/regex_syntax.h"

struct regex;

/* Lives as long as the arena; the same pattern is compiled once while anybody has it. Any thread. NULL with *ret_error
 * set when the pattern is none. */
const struct regex *regex_compile(struct arena *a, struct str pattern, struct regex_error *ret_error);
/* Whether it matches anywhere in the subject. Bytes that are not UTF-8 count as U+FFFD each, as in Go. */
bool regex_match(const struct regex *r, struct str subject);
