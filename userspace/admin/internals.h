/* The services the agent answers itself: ping@internal, prometheus@internal, api@internal, noop@internal. */
#pragma once
#include "conf/apply.h"
#include "proxy/internal.h"

/* The list for apply->internals, ending with NULL; for the one apply of the process, whose engine and conf are set.
 * Static. */
const struct internal_service *const *admin_internals(struct apply *a);
