/* The ClientHello as it arrives, before anybody answers it: which host is asked for, which protocols are offered.
 * RFC 8446 §4.1.2, §5.1; RFC 6066 §3; RFC 7301 §3.1. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

#define HELLO_MAX      16384u /* bytes of a ClientHello, its record headers included, that are waited for */
#define HELLO_SNI_MAX  255u
#define HELLO_ALPN_MAX 16u

struct hello {
	char sni[HELLO_SNI_MAX +
		 1]; /* lower case, without a dot at its end; "" when none was sent, or none that is a name */
	uint8_t sni_len;
	unsigned nalpn;			 /* more are not looked at */
	struct str alpn[HELLO_ALPN_MAX]; /* views into the bytes parsed */
};

static inline bool hello_begins(unsigned char first)
{
	return first == 0x16; /* a handshake record; no HTTP method begins so */
}
/* 0, -EAGAIN (more bytes are needed), or -EBADMSG: no ClientHello, or a broken one. `scratch` has room for HELLO_MAX
 * and is where alpn points to when the hello came in several records. */
int hello_parse(const char *p, size_t n, char *scratch, struct hello *ret);
static inline struct str hello_sni(const struct hello *h)
{
	return str_mk(h->sni, h->sni_len);
}
