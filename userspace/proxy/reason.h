/* Why a request or an attempt ended other than by a complete exchange: one row each, used by log, metrics and retry. */
#pragma once
#include <stdbool.h>

/* id, name in logs and metrics, status answered when nothing was sent yet (0: none, the connection just ends),
 * retryable on a fresh connection */
#define REASONS(X)                                                   \
	X(REASON_NONE, "", 0, false)                                 \
	X(REASON_BAD_REQUEST, "bad_request", 400, false)             \
	X(REASON_HEAD_TOO_LARGE, "head_too_large", 431, false)       \
	X(REASON_HEAD_TIMEOUT, "head_timeout", 408, false)           \
	X(REASON_BODY_TIMEOUT, "body_timeout", 408, false)           \
	X(REASON_BODY_IDLE, "body_idle", 408, false)                 \
	X(REASON_CLIENT_STALLED, "client_stalled", 0, false)         \
	X(REASON_BAD_BODY, "bad_body", 400, false)                   \
	X(REASON_NOT_IMPLEMENTED, "not_implemented", 501, false)     \
	X(REASON_BAD_VERSION, "bad_version", 505, false)             \
	X(REASON_EXPECTATION, "unknown_expectation", 417, false)     \
	X(REASON_ENCODED_CHARACTER, "encoded_character", 400, false) \
	X(REASON_NO_ROUTE, "no_route", 404, false)                   \
	X(REASON_MISDIRECTED, "misdirected", 421, false)             \
	X(REASON_NO_SERVER, "no_server", 503, false)                 \
	X(REASON_DIAL_FAILED, "dial_failed", 502, false)             \
	X(REASON_QUEUE_FULL, "queue_full", 503, false)               \
	X(REASON_QUEUE_TIMEOUT, "queue_timeout", 503, false)         \
	X(REASON_OVERLOAD, "overload", 503, false)                   \
	X(REASON_DIAL_TIMEOUT, "dial_timeout", 504, false)           \
	X(REASON_TLS_FAILED, "tls_failed", 502, false)               \
	X(REASON_TLS_REFUSED, "tls_certificate", 502, false)         \
	X(REASON_SERVER_CLOSED, "server_closed", 502, true)          \
	X(REASON_SERVER_RESET, "server_reset", 502, true)            \
	X(REASON_RESPONSE_TIMEOUT, "response_timeout", 504, false)   \
	X(REASON_REQUEST_TIMEOUT, "request_timeout", 504, false)     \
	X(REASON_BAD_RESPONSE, "bad_response", 502, false)           \
	X(REASON_RESPONSE_CUT, "response_cut_short", 0, false)       \
	X(REASON_WRITE_TIMEOUT, "write_timeout", 0, false)           \
	X(REASON_CLIENT_GONE, "client_gone", 499, false)             \
	X(REASON_TUNNEL_RESET, "tunnel_reset", 0, false)             \
	X(REASON_TUNNEL_IDLE, "tunnel_idle", 0, false)               \
	X(REASON_SHUTDOWN, "shutdown", 503, false)

#define X(id, name, status, retry) id,
enum reason { REASONS(X) REASON_COUNT };
#undef X

const char *reason_name(enum reason r);
int reason_status(enum reason r);
bool reason_retryable(enum reason r);
