/* Compiled rule of Traefik's rule language, v3 or v2: text -> tokens -> AST -> evaluated against a request's facts.
 * Immutable after compile. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* What a rule is evaluated against. Views, valid during the call. HTTP rules read host..method, client and header; TCP
 * rules read sni, alpn and client. */
struct rule_facts {
	struct str host;  /* canonical: lower case, no port, no brackets, no trailing dot */
	struct str path;  /* routing path: reserved characters still encoded */
	struct str query; /* raw, without '?' */
	struct str method;
	struct str sni;		/* lower case, no trailing dot; empty when none */
	const struct str *alpn; /* what the ClientHello offers */
	size_t nalpn;
	const struct addr *client;
	const void *header_ctx;
	/* Calls back for each line named `name` (lower case) until it returns true; returns whether one did. */
	bool (*header_any)(const void *header_ctx, struct str name, bool (*test)(const void *arg, struct str value),
			   const void *arg);
};

enum rule_dialect { RULE_HTTP, RULE_TCP, RULE_HTTP_V2, RULE_TCP_V2 };

static inline bool rule_is_http(enum rule_dialect d)
{
	return d == RULE_HTTP || d == RULE_HTTP_V2;
}

struct rule;

/* `at` is where the text starts in its file; columns in errors point into it (right for one-line scalars, else the
 * start). Returns NULL with errors added: unexpected token, unknown matcher with the nearest known one, wrong number of
 * parameters, bad value. */
const struct rule *rule_compile(struct arena *a, enum rule_dialect dialect, const char *text, struct place at,
				const char *key, struct err_list *errs);
bool rule_match(const struct rule *r, const struct rule_facts *f);
/* The same, with what decided it: "Method(`GET`) holds", "Path(`/a`) does not hold". */
bool rule_explain(const struct rule *r, const struct rule_facts *f, struct buf *ret_why);
/* Text again (canonical spelling, minimal parentheses); compiling it gives an equal rule. */
void rule_print(const struct rule *r, struct buf *out);
/* Traefik §: explicit if not 0, else the length of the text; a TCP rule that is exactly HostSNI(`*`) is -1. */
int64_t rule_priority(enum rule_dialect dialect, const char *text, int64_t explicit_priority);
/* HostSNI(`*`) alone: matches every connection. */
bool rule_is_catch_all(const struct rule *r);
