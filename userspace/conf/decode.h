/* Routing configuration: tree to structs, then everything that can be checked without running anything: names that
 * refer to something, rules, what the kernel tier can serve. */
#pragma once
#include "model/conf_dynamic.h"
#include "model/conf_static.h"
#include "rule/rule.h"

/* `t` has qualified names (conf/merge). In `ret`, which lives in `a`, the references of routers are qualified too. All
 * problems are added to errs at once; keys in them are as the user wrote them. st NULL, when the start-up options are
 * broken: entry points are not checked. ret is written only on success. 0 or -EINVAL. */
int decode_dynamic(const struct tree *t, const struct static_conf *st, struct arena *a, struct dynamic_conf *ret,
		   struct err_list *errs);

enum decode_proto { DECODE_HTTP, DECODE_TCP, DECODE_UDP };
/* Whether a router of that protocol listens to this entry point: it names it, or names none and the entry point is one
 * of the defaults (all of the protocol; for TCP and HTTP without "traefik", and only those that say asDefault when one
 * does). */
bool decode_listens(const struct static_conf *st, enum decode_proto proto, const struct router_conf *r, size_t entry);

/* How the router's rule is written. st may be NULL. */
enum rule_dialect decode_dialect(const struct static_conf *st, enum decode_proto proto, const struct router_conf *r);
