/* Header names the proxy itself looks at, as small numbers. Finding one costs one table load and at most one
 * comparison, so it can be done for every header line. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

/* X(identifier, canonical spelling, first and last but one letter in lower case). Adding a name is one row: length and
 * those two letters choose its slot in token.c, where two names for one slot do not compile. */
#define TOKEN_LIST(X)                                                                     \
	X(HOST, "Host", 'h', 's')                                                         \
	X(CONNECTION, "Connection", 'c', 'o')                                             \
	X(CONTENT_LENGTH, "Content-Length", 'c', 't')                                     \
	X(TRANSFER_ENCODING, "Transfer-Encoding", 't', 'n')                               \
	X(UPGRADE, "Upgrade", 'u', 'd')                                                   \
	X(KEEP_ALIVE, "Keep-Alive", 'k', 'v')                                             \
	X(PROXY_CONNECTION, "Proxy-Connection", 'p', 'o')                                 \
	X(TE, "Te", 't', 't')                                                             \
	X(TRAILER, "Trailer", 't', 'e')                                                   \
	X(EXPECT, "Expect", 'e', 'c')                                                     \
	X(X_FORWARDED_FOR, "X-Forwarded-For", 'x', 'o')                                   \
	X(X_FORWARDED_PROTO, "X-Forwarded-Proto", 'x', 't')                               \
	X(X_FORWARDED_HOST, "X-Forwarded-Host", 'x', 's')                                 \
	X(X_FORWARDED_PORT, "X-Forwarded-Port", 'x', 'r')                                 \
	X(X_FORWARDED_SERVER, "X-Forwarded-Server", 'x', 'e')                             \
	X(X_FORWARDED_URI, "X-Forwarded-Uri", 'x', 'r')                                   \
	X(X_FORWARDED_METHOD, "X-Forwarded-Method", 'x', 'o')                             \
	X(X_FORWARDED_PREFIX, "X-Forwarded-Prefix", 'x', 'i')                             \
	X(X_FORWARDED_SCHEME, "X-Forwarded-Scheme", 'x', 'm')                             \
	X(X_FORWARDED_TLS_CLIENT_CERT, "X-Forwarded-Tls-Client-Cert", 'x', 'r')           \
	X(X_FORWARDED_TLS_CLIENT_CERT_INFO, "X-Forwarded-Tls-Client-Cert-Info", 'x', 'f') \
	X(X_REAL_IP, "X-Real-Ip", 'x', 'i')                                               \
	X(X_SCHEME, "X-Scheme", 'x', 'm')                                                 \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 'p', 't')                             \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 'p', 'o')                           \
	X(USER_AGENT, "User-Agent", 'u', 'n')                                             \
	X(REFERER, "Referer", 'r', 'e')                                                   \
	X(DATE, "Date", 'd', 't')                                                         \
	X(SERVER, "Server", 's', 'e')                                                     \
	X(ACCEPT, "Accept", 'a', 'p')                                                     \
	X(AUTHORIZATION, "Authorization", 'a', 'o')                                       \
	X(COOKIE, "Cookie", 'c', 'i')                                                     \
	X(SET_COOKIE, "Set-Cookie", 's', 'i')                                             \
	X(CONTENT_TYPE, "Content-Type", 'c', 'p')                                         \
	X(CONTENT_ENCODING, "Content-Encoding", 'c', 'n')                                 \
	X(ACCEPT_ENCODING, "Accept-Encoding", 'a', 'n')                                   \
	X(LOCATION, "Location", 'l', 'o')                                                 \
	X(RANGE, "Range", 'r', 'g')                                                       \
	X(VARY, "Vary", 'v', 'r')                                                         \
	X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key", 's', 'e')                               \
	X(SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions", 's', 'n')                 \
	X(SEC_WEBSOCKET_ACCEPT, "Sec-WebSocket-Accept", 's', 'p')                         \
	X(SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol", 's', 'o')                     \
	X(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version", 's', 'o')

#define TOKEN_ENUM(id, name, first, penult) TOKEN_##id,
enum token { TOKEN_NONE, TOKEN_LIST(TOKEN_ENUM) TOKEN_COUNT };
#undef TOKEN_ENUM

/* The number of a header name, ASCII case-insensitive; TOKEN_NONE when it is not in the list. Any thread. */
enum token token_find(struct str name);

/* Canonical spelling ("Content-Length"), static; empty for TOKEN_NONE. */
struct str token_name(enum token t);

/* The X- headers that only a trusted peer may send and that the proxy writes itself (X-Forwarded-*, X-Real-Ip,
 * X-Scheme), by name, where any '-' may also be written '_' ("X_Forwarded_For", "X-Real_Ip"): applications that turn
 * names into variables cannot tell them apart, so both are stripped. ASCII case-insensitive. True for the plain
 * spelling too. */
bool token_is_forwarded_spelling(struct str name);
