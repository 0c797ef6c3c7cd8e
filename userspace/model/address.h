/* Addresses as configuration writes them: entry points, servers. Syntax only; nothing is resolved here. */
#pragma once
#include <stdbool.h>
#include "base/addr.h"

/* Where an entry point listens. last: last port of a range that begins at at.port; 0: just that one. All ports of an
 * address are 0 to 65535. */
struct listen_at {
	struct endpoint at;
	uint16_t last;
	bool udp;
};
/* "[host]:port[-last][/tcp|/udp]" with an IP literal or nothing as host, ports 1..65535, "*" for all of them. 0 or
 * -EINVAL. */
int address_parse(const char *text, struct listen_at *ret);
/* Why address_parse refuses the text: a static phrase such as "the port is missing"; NULL when it does not. */
const char *address_problem(const char *text);
/* "http://host[:port][/…]" of a server. 0 or -EINVAL. Host: IP literal (brackets removed from IPv6) or name; port 80
 * when absent. */
struct address_url {
	struct str scheme, host, path;
	uint16_t port;
};
int address_parse_url(const char *text, struct address_url *ret);
/* An IP address or a prefix such as 10.0.0.0/8; ret_bits counts in the 128 bits of the mapped form. 0 or -EINVAL. */
int address_parse_prefix(struct str text, struct addr *ret, unsigned *ret_bits);
