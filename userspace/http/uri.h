/* Request paths, hosts and server URLs: bringing them into the one form that rules match and back ends see.
 * The usual request needs no change; then the result is the input itself and nothing is copied. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"

#define URI_HOST_MAX 255 /* longest host name taken, RFC 1035 §3.1 */

/* Path of a request target (no query): RFC 3986 §6.2.2 normalisation of escapes - upper-case hex, unreserved characters
 * decoded - and, if `sanitize`, removal of dot segments and duplicate slashes (a trailing slash stays, the result
 * starts with '/'; an empty path becomes "/"; "*" is left alone). ret_path is `path` itself or a copy in `a`. Returns
 * 0, -EINVAL (broken escape, or a byte below 0x21 or 0x7f) or -ENOMEM (limit of the arena). */
int uri_normalise(struct arena *a, struct str path, bool sanitize, struct str *ret_path);

/* The form that path matchers compare with: every escape decoded except those of the reserved characters
 * :/?#[]@!$&'()*+,;=% which stay as upper-case %XX. ret_path is `path` itself or a copy in `a`; decoded bytes may be
 * anything, NUL included. Returns 0, -EINVAL (broken escape) or -ENOMEM. */
int uri_routing_path(struct arena *a, struct str path, struct str *ret_path);

enum uri_escape {
	URI_ESC_SLASH = 1,
	URI_ESC_BACKSLASH = 2,
	URI_ESC_NUL = 4,
	URI_ESC_SEMICOLON = 8,
	URI_ESC_PERCENT = 16,
	URI_ESC_QUESTION = 32,
	URI_ESC_HASH = 64,
};
/* Which of those a normalised path contains. */
unsigned uri_escapes(struct str path);

/* "Example.COM.:8080" -> "example.com", "[::1]:80" -> "::1". An empty host gives an empty result.
 * ret_host is a view into `host` when nothing had to change, else into buf; a buffer of URI_HOST_MAX always suffices.
 * Returns 0, -EINVAL (characters that no host may have, a bad port, text after the bracket) or -ENOBUFS (longer than
 * cap or URI_HOST_MAX). */
int uri_canonical_host(struct str host, char *buf, size_t cap, struct str *ret_host);

/* The port of "host[:port]"; 0 when there is none or it is not a number from 1 to 65535. */
uint16_t uri_host_port(struct str host);

/* URL of a server. Views into the parsed text. */
struct uri {
	struct str scheme; /* as written */
	struct str host;   /* without brackets, as written */
	uint16_t port;	   /* 0: not given */
	struct str path;   /* with query; empty when absent */
	bool bracketed;	   /* the host was a bracketed IPv6 literal */
};

/* "scheme://host[:port][/path]". No user information, no fragment. Returns 0 or -EINVAL. */
int uri_parse(struct str text, struct uri *ret);
