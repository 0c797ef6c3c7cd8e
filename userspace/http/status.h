/* HTTP status codes (IANA registry, RFC 9110 §15) and their reason phrases, as Go's net/http spells them. */
#pragma once
#include "base/str.h"

/* Reason phrase, static; empty for a code that has none. 499 is "Client Closed Request", as in nginx and Traefik. */
struct str status_reason(unsigned code);

/* "HTTP/1.1 404 Not Found\r\n" of a known code, static and ready to send; empty for an unknown code. */
struct str status_line(unsigned code);
