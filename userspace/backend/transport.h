/* Whom connections to servers trust, and as whom they show themselves: what a serversTransport says about TLS; its
 * limits are the service's. Immutable, reference-counted; a target holds the one its connections were made with. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include "tls/client.h"

struct transport {
	atomic_uint refs;
	char *name;		/* "own@file"; "" for the one that is implied */
	struct tls_client *tls; /* for https servers */
};

#define TRANSPORT_HANDSHAKE_NS (10ull * 1000000000ull)

/* One reference; takes `tls`, which may be NULL. */
struct transport *transport_new(const char *name, struct tls_client *tls);
struct transport *transport_ref(struct transport *t);
void transport_unref(struct transport **t); /* any thread; accepts NULL */
