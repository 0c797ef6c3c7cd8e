/* Which certificate a client gets for the host it asks for. Built once per configuration, then only read. */
#pragma once
#include "base/map.h"
#include "tls/keypair.h"

/* Those for one name, at most one of each kind; NULL: none. */
struct store_slot {
	struct keypair *kinds[KEYPAIR_KINDS];
};

struct store {
	struct map names;     /* name -> struct store_slot; "*.d" for wildcards */
	struct keypair **all; /* referenced; ends with NULL */
	size_t n, cap;
	struct store_slot fallback;
};

void store_init(struct store *s);
void store_free(struct store *s);
/* Takes the caller's reference. Of two of a kind for one name the first stays. */
void store_add(struct store *s, struct keypair *k);
void store_set_default(struct store *s, struct keypair *k); /* the same; instead of an earlier one */
/* Exact name before wildcard of one label; NULL when none has it. `name` in lower case, empty: none was asked for. */
const struct store_slot *store_find(const struct store *s, struct str name);
