/* The request metrics of one entry point, router or service: series by code, method and protocol, found without a lock
 * after the first request of their kind. Names and labels are Traefik's (traefik_<scope>_requests_total,
 * …_request_duration_seconds, …_bytes_total). */
#pragma once
#include <stdint.h>
#include "base/metric.h"
#include "base/str.h"

enum httpset_scope { HTTPSET_ENTRYPOINT, HTTPSET_ROUTER, HTTPSET_SERVICE };

struct httpset;

/* Registers the families; buckets in seconds. Once, before any set. */
void httpset_setup(const double *buckets, unsigned nbuckets);
/* `second` is the service label of a router set, else NULL. One reference. */
struct httpset *httpset_new(enum httpset_scope scope, const char *name, const char *second);
void httpset_unref(struct httpset **s);
/* Worker thread. status 100..599; protocol index of httpset_protocols. */
void httpset_count(struct httpset *s, unsigned column, int status, struct str method, unsigned protocol,
		   uint64_t duration_ns, uint64_t request_bytes, uint64_t response_bytes);
/* A request over TLS besides: traefik_<scope>_requests_tls_total. The texts are static. */
void httpset_count_tls(struct httpset *s, unsigned column, const char *version, const char *cipher);
enum { HTTPSET_HTTP, HTTPSET_WEBSOCKET, HTTPSET_SSE, HTTPSET_GRPC, HTTPSET_GRPC_WEB };
