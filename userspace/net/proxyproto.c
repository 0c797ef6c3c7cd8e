/* Both forms of the header. What is not exactly as specified is refused: the sender is one we trust, so it is a mistake
 * in the configuration and not a client's freedom. */
#include "net/proxyproto.h"
#include <errno.h>
#include <string.h>

static const char v1_start[] = "PROXY ";
static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

#define V1_MAX	107 /* with CR LF */
#define V2_HEAD 16

/* Whether p[0..n) begins with `want` (1), may still do so (-EAGAIN), or not (0). */
static int begins(const char *p, size_t n, const char *want, size_t nwant)
{
	if (memcmp(p, want, n < nwant ? n : nwant) != 0)
		return 0;
	return n < nwant ? -EAGAIN : 1;
}

/* ---- version 1 ---- */

/* 0..65535 in decimal, without leading zeros. */
static int take_port(struct str s, uint16_t *ret)
{
	unsigned v = 0;
	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[0] == '0'))
		return -EPROTO;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EPROTO;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*ret = (uint16_t)v;
	return v > UINT16_MAX ? -EPROTO : 0;
}

static int take_address(struct str s, bool v4, struct addr *ret)
{
	bool dots = s.n && memchr(s.p, '.', s.n) && !memchr(s.p, ':', s.n);
	if (dots != v4 || (s.n && s.p[0] == '[') || addr_parse(s, ret) < 0)
		return -EPROTO;
	return 0;
}

/* "TCP4 SRC DST SPORT DPORT" */
static int v1_addresses(struct str s, struct proxyproto *ret)
{
	struct str word[5];
	for (int i = 0; i < 5; i++) {
		if (!s.p)
			return -EPROTO;
		s = str_cut(s, ' ', &word[i]);
	}
	bool v4 = str_eq(word[0], STR("TCP4"));
	if (s.p || (!v4 && !str_eq(word[0], STR("TCP6"))))
		return -EPROTO;
	ret->known = true;
	if (take_address(word[1], v4, &ret->src.addr) < 0 || take_address(word[2], v4, &ret->dst.addr) < 0 ||
	    take_port(word[3], &ret->src.port) < 0 || take_port(word[4], &ret->dst.port) < 0)
		return -EPROTO;
	return 0;
}

static int v1_parse(const char *p, size_t n, struct proxyproto *ret)
{
	size_t most = n < V1_MAX ? n : V1_MAX, start = sizeof(v1_start) - 1;
	const char *lf = memchr(p, '\n', most);
	if (!lf)
		return n >= V1_MAX ? -EPROTO : -EAGAIN;
	size_t line = (size_t)(lf - p);
	if (line < start + 1 || p[line - 1] != '\r')
		return -EPROTO;
	struct str s = str_mk(p + start, line - 1 - start);
	bool unknown = str_eq(s, STR("UNKNOWN")) || str_starts(s, STR("UNKNOWN "));
	if (!unknown && v1_addresses(s, ret) < 0)
		return -EPROTO;
	return (int)line + 1;
}

/* ---- version 2 ---- */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void mapped(const uint8_t *v4, struct addr *ret)
{
	memset(ret->b, 0, 10);
	ret->b[10] = ret->b[11] = 0xff;
	memcpy(ret->b + 12, v4, 4);
}

/* Family and transport: addresses are taken of TCP over IPv4 and IPv6, anything else says nothing we can use. */
static int v2_addresses(uint8_t family, const uint8_t *p, size_t n, struct proxyproto *ret)
{
	if (family == 0x11 && n >= 12) {
		mapped(p, &ret->src.addr);
		mapped(p + 4, &ret->dst.addr);
		ret->src.port = be16(p + 8);
		ret->dst.port = be16(p + 10);
	} else if (family == 0x21 && n >= 36) {
		memcpy(ret->src.addr.b, p, 16);
		memcpy(ret->dst.addr.b, p + 16, 16);
		ret->src.port = be16(p + 32);
		ret->dst.port = be16(p + 34);
	} else {
		return family == 0x11 || family == 0x21 ? -EPROTO : 0;
	}
	ret->known = true;
	return 0;
}

static int v2_parse(const char *p, size_t n, struct proxyproto *ret)
{
	const uint8_t *b = (const uint8_t *)p;
	if (n < V2_HEAD)
		return -EAGAIN;
	size_t length = be16(b + 14);
	if (b[12] >> 4 != 2 || (b[12] & 15) > 1 || b[13] >> 4 > 3 || (b[13] & 15) > 2)
		return -EPROTO;
	if (V2_HEAD + length > PROXYPROTO_MAX)
		return -EPROTO;
	if (n < V2_HEAD + length)
		return -EAGAIN;
	bool local = (b[12] & 15) == 0;
	if (!local && v2_addresses(b[13], b + V2_HEAD, length, ret) < 0)
		return -EPROTO;
	return (int)(V2_HEAD + length);
}

int proxyproto_parse(const char *p, size_t n, struct proxyproto *ret)
{
	memset(ret, 0, sizeof(*ret));
	int v1 = begins(p, n, v1_start, sizeof(v1_start) - 1);
	int v2 = begins(p, n, v2_start, sizeof(v2_start) - 1);
	if (v1 == 1)
		return v1_parse(p, n, ret);
	if (v2 == 1)
		return v2_parse(p, n, ret);
	return v1 < 0 || v2 < 0 ? -EAGAIN : 0;
}
