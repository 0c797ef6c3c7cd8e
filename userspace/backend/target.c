/* Server objects and their states' texts. */
#include "backend/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"

#define X(id, text) [id] = text,
static const char *const reason_texts[] = { TARGET_REASONS(X) };
#undef X

static const char *target_reason_text(enum target_reason r)
{
	return reason_texts[r];
}

/* "http://host:port/path" and "host:port" both give "host:port". */
static char *authority_of(const char *name)
{
	const char *s = strstr(name, "://");
	s = s ? s + 3 : name;
	return mem_strndup(s, strcspn(s, "/?#"));
}

static char *host_of(const char *authority)
{
	const char *colon = strrchr(authority, ':'), *close = strchr(authority, ']');
	if (authority[0] == '[' && close)
		return mem_strndup(authority + 1, (size_t)(close - authority - 1));
	return colon ? mem_strndup(authority, (size_t)(colon - authority)) : mem_strdup(authority);
}

struct target *target_new(const char *name, const struct endpoint *at, struct transport *transport, unsigned workers)
{
	size_t size = sizeof(struct target) + workers * sizeof(struct target_cell);
	struct target *t = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!t)
		abort();
	memset(t, 0, size);
	atomic_init(&t->refs, 1);
	t->name = mem_strdup(name);
	t->authority = authority_of(name);
	t->host = host_of(t->authority);
	t->secure = strncasecmp(name, "https://", 8) == 0;
	t->transport = transport ? transport_ref(transport) : NULL;
	t->at = *at;
	atomic_init(&t->up, true);
	t->ncells = workers;
	for (unsigned i = 0; i < workers; i++)
		list_init(&t->cells[i].idle);
	return t;
}

struct target *target_ref(struct target *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void target_unref(struct target **tp)
{
	struct target *t = take_ptr(*tp);
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	metric_series_put(&t->up_series);
	for (unsigned i = 0; i < t->ncells; i++)
		SSL_SESSION_free(t->cells[i].session);
	transport_unref(&t->transport);
	free(t->host);
	free(t->name);
	free(t->authority);
	free(t->via);
	free(t);
}

void target_set_via(struct target *t, const char *via)
{
	if (t->via && via && strcmp(t->via, via) == 0)
		return;
	free(t->via);
	t->via = via ? mem_strdup(via) : NULL;
}

void target_explain(const struct target *t, enum target_reason r, char out[TARGET_REASON_MAX])
{
	snprintf(out, TARGET_REASON_MAX, "%s%s%s", t->via ? t->via : "", t->via ? ": " : "", target_reason_text(r));
}
