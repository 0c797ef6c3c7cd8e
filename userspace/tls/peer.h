/* What the certificate of a client says, for those who pass it on or decide by it. */
#pragma once
#include "base/arena.h"
#include "base/str.h"
#include "tls/cf_tls.h"

struct peer_attribute {
	const char *name; /* "CN", "O", "DC"; static text */
	struct str value; /* UTF-8 */
};

struct peer_name { /* a distinguished name, its attributes in the certificate's order */
	struct peer_attribute *v;
	size_t n;
};

struct peer {
	struct peer_name subject, issuer;
	struct str serial;	       /* decimal */
	int64_t not_before, not_after; /* seconds since 1970 */
	struct str *sans;	       /* DNS, e-mail, IP, URI, in that order */
	size_t nsans;
	struct str pem; /* the leaf, armour and newlines included */
	bool verified;	/* leads to one of clientAuth's caFiles */
};

/* All of it in `a`. 0, -ENOENT (no certificate was shown), -ENOMEM (the arena's limit). */
int peer_facts(const struct cf_tls *t, struct arena *a, struct peer *ret);
