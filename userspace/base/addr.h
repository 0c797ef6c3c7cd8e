/* IP addresses are 16 bytes everywhere (IPv4 as ::ffff:a.b.c.d), so there is one code path. Ports in host order. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/str.h"

struct addr {
	uint8_t b[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port;
};

#define ADDR_TEXT_MAX	  48 /* with NUL */
#define ENDPOINT_TEXT_MAX 56 /* "[v6]:port" with NUL */

extern const struct addr addr_any4, addr_any6;

bool addr_is_v4(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);
bool endpoint_eq(const struct endpoint *a, const struct endpoint *b);
int addr_parse(struct str s, struct addr *ret);			/* "1.2.3.4", "::1", "[::1]"; 0 or -EINVAL */
void addr_print(const struct addr *a, char out[ADDR_TEXT_MAX]); /* v4 dotted, v6 RFC 5952 without brackets */
/* "host:port" with an IP host, "[v6]:port", or ":port" (any address, v6 dual stack); 0 or -EINVAL. No names. */
int endpoint_parse(struct str s, struct endpoint *ret);
void endpoint_print(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX]);
/* AF_INET for mapped addresses, else AF_INET6; returns the length. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret);
int endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ret); /* 0 or -EAFNOSUPPORT */
