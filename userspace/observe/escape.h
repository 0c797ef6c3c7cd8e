/* Text of strangers inside a log line: nothing in it may end the line, the quotes or the field it stands in.
 * At most `max` bytes come out; what is cut off leaves "..." behind. */
#pragma once
#include "proxy/out.h"

void escape_json(struct out *o, struct str s, size_t max); /* inside a JSON string; invalid UTF-8 becomes U+FFFD */
void escape_quoted(struct out *o, struct str s,
		   size_t max); /* between double quotes: \" \\ and \xHH for what is not printable ASCII */
void escape_bare(struct out *o, struct str s, size_t max); /* without quotes: blanks and brackets are \xHH too */
