/* The compiled configuration the workers run on: immutable, reference-counted, published as one pointer (base/epoch).
 * A request pins the snapshot it was routed with until it is done. Built by conf/link. */
#pragma once
#include <stdatomic.h>
#include "backend/service.h"
#include "proxy/httpset.h"
#include "proxy/internal.h"
#include "proxy/mw.h"
#include "proxy/tls_hosts.h"
#include "rule/index.h"

struct route {
	const char *name; /* "api@file" */
	const struct rule *rule;
	int64_t priority;
	int64_t timeout_ns; /* whole request; 0: none */
	struct mw *mws;
	unsigned nmws;
	const char *service_name; /* "api@file" */
	struct service *service;  /* or */
	const struct internal_service *internal;
	bool by_host;					  /* its rule matches certain hosts only */
	bool is_internal;				  /* not in access log and metrics unless addInternals */
	struct httpset *router_metrics, *service_metrics; /* may be NULL */
};

struct snapshot_entry {		       /* by entry id */
	struct rule_index *routes;     /* of plain requests; values are struct route * */
	struct rule_index *tls_routes; /* of those over TLS */
	size_t nroutes;
	const struct tls_hosts *tls; /* NULL: no TLS here */
};

struct snapshot {
	struct arena arena; /* owns everything below; disposers drop the references to services and metrics */
	atomic_uint refs;
	uint64_t generation;
	uint64_t applied_wall_ns;
	struct snapshot_entry *entries;
	size_t nentries;
	struct service **services; /* all, the kernel's included */
	size_t nservices;
	const struct store *certificates;
	struct tls_ctx **tls; /* one per tls.options; the first is "default" */
	size_t ntls;
	void (*released)(struct snapshot *s); /* called by whoever drops the last reference, on any thread; frees it */
};

static inline struct snapshot *snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static inline void snapshot_unref(struct snapshot *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		s->released(s);
}
