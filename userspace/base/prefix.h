/* A set of CIDR prefixes with longest-match membership; a single address is a full-length prefix. Built once, then
 * read-only. */
#pragma once
#include <stdbool.h>
#include "base/addr.h"

struct prefix {
	struct addr addr;
	uint8_t len; /* bits of the 16-byte form: an IPv4 /24 is 120 */
};

struct prefix_set {
	struct prefix *v; /* sorted, without overlaps */
	size_t n, cap;
};

int prefix_parse(struct str s,
		 struct prefix *ret); /* "10.0.0.0/8", "fd00::/8", "192.0.2.1"; 0 or -EINVAL; host bits are cleared */
void prefix_set_add(struct prefix_set *s, const struct prefix *p);
void prefix_set_finish(struct prefix_set *s); /* sorts and merges; before the first lookup */
bool prefix_set_has(const struct prefix_set *s, const struct addr *a);
void prefix_set_free(struct prefix_set *s);
