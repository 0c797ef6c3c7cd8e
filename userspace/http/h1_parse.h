/* Strict HTTP/1.x head parser (RFC 9112 §2-§6, RFC 9110 §5): one pass, no copy, no allocation. What could be read in
 * two ways is refused: bare CR or LF, NUL and other controls, folding, space before the colon, conflicting or repeated
 * lengths, Content-Length beside Transfer-Encoding, codings other than a single chunked, several Host fields. */
#pragma once
#include "http/head.h"

enum h1_error {
	H1_OK = 0,
	H1_MORE,	    /* not all of the head is there yet */
	H1_BAD_START,	    /* start line does not follow the grammar */
	H1_BAD_FIELD,	    /* field name, value, folding or line end */
	H1_BAD_LENGTH,	    /* Content-Length */
	H1_BAD_CODING,	    /* Transfer-Encoding unknown (501) */
	H1_BAD_FRAMING,	    /* length and coding contradict each other, or chunked in HTTP/1.0 */
	H1_BAD_HOST,	    /* missing, repeated or malformed Host */
	H1_BAD_VERSION,	    /* not HTTP/1.x (505) */
	H1_TOO_MANY_FIELDS, /* more than HEAD_MAX_FIELDS (431) */
};

/* `fields` has room for HEAD_MAX_FIELDS. Result views point into p. ret is complete only on H1_OK. */
enum h1_error h1_parse_request(const char *p, size_t n, struct field *fields, struct head *ret);
/* The field lines of a trailer section, the empty line at its end included. A view of each goes to fields, which has
 * room for HEAD_MAX_FIELDS. */
enum h1_error h1_parse_trailer(const char *p, size_t n, struct field *fields, unsigned *ret_n);
bool h1_is_token_char(char c); /* tchar of RFC 9110 §5.6.2 */
enum h1_error h1_parse_response(const char *p, size_t n, struct field *fields, struct head *ret);
/* Whether p[0..n) holds the end of a head, looking from *scanned on (start with 0, keep it between calls), so that a
 * head that arrives byte by byte is not parsed again for each. Returns H1_OK, H1_MORE, or H1_BAD_FIELD at a bare LF. */
enum h1_error h1_find_end(const char *p, size_t n, size_t *scanned);
int h1_error_status(enum h1_error e); /* status of the answer to a request: 400, 431, 501, 505 */
const char *h1_error_text(enum h1_error e);
