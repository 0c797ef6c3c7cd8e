/* Transports and their references. */
#include "backend/transport.h"
#include <stdlib.h>
#include "base/mem.h"

struct transport *transport_new(const char *name, struct tls_client *tls)
{
	struct transport *t = mem_zalloc(sizeof(*t));
	atomic_init(&t->refs, 1);
	t->name = mem_strdup(name);
	t->tls = tls;
	return t;
}

struct transport *transport_ref(struct transport *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void transport_unref(struct transport **tp)
{
	struct transport *t = take_ptr(*tp);
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	tls_client_unref(&t->tls);
	free(t->name);
	free(t);
}
