/* Parsing and printing of addresses and endpoints. Numeric only: names are resolved elsewhere. */
#include "base/addr.h"
#include "base/num.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

const struct addr addr_any4 = { { [10] = 0xff, [11] = 0xff } };
const struct addr addr_any6 = { { 0 } };

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool addr_is_any(const struct addr *a)
{
	return addr_eq(a, &addr_any4) || addr_eq(a, &addr_any6);
}

bool addr_is_loopback(const struct addr *a)
{
	static const struct addr loopback6 = { { [15] = 1 } };

	return addr_is_v4(a) ? a->b[12] == 127 : addr_eq(a, &loopback6);
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

static void addr_from_v4(const void *four, struct addr *ret)
{
	memcpy(ret->b, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ret->b + 12, four, 4);
}

int addr_parse(struct str s, struct addr *ret)
{
	bool bracketed = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
	char text[ADDR_TEXT_MAX];
	uint8_t four[4];
	struct addr a;

	if (bracketed)
		s = str_mk(s.p + 1, s.n - 2);
	if (!s.n || s.n >= sizeof(text) || memchr(s.p, 0, s.n))
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	if (!bracketed && inet_pton(AF_INET, text, four) == 1)
		addr_from_v4(four, &a);
	else if (inet_pton(AF_INET6, text, a.b) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952 §4.2); returns its length. */
static int longest_zero_run(const uint16_t g[8], int *ret_start)
{
	int best = 1;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > best) {
			best = n;
			*ret_start = i;
		}
		i += n;
	}
	return best > 1 ? best : 0;
}

static void print_v6(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	int start = -1, n = 0, run;
	uint16_t g[8];

	for (int i = 0; i < 8; i++)
		g[i] = (uint16_t)(a->b[2 * i] << 8 | a->b[2 * i + 1]);
	run = longest_zero_run(g, &start);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			n += snprintf(out + n, (size_t)(ADDR_TEXT_MAX - n), "::");
			i += run - 1;
			continue;
		}
		n += snprintf(out + n, (size_t)(ADDR_TEXT_MAX - n), "%s%x", i && i != start + run ? ":" : "", g[i]);
	}
}

void addr_print(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	if (addr_is_v4(a))
		snprintf(out, ADDR_TEXT_MAX, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
	else
		print_v6(a, out);
}

static int port_parse(struct str s, uint16_t *ret)
{
	uint64_t v;

	if (s.n > 5 || num_u64(s, &v) || v > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

int endpoint_parse(struct str s, struct endpoint *ret)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	struct endpoint e = { .addr = addr_any6 };
	struct str host;

	if (!colon)
		return -EINVAL;
	host = str_mk(s.p, (size_t)(colon - s.p));
	if (port_parse(str_skip(s, host.n + 1), &e.port))
		return -EINVAL;
	/* Without brackets the last group of an IPv6 address would pass for a port. */
	if (host.n && host.p[0] != '[' && memchr(host.p, ':', host.n))
		return -EINVAL;
	if (host.n && addr_parse(host, &e.addr))
		return -EINVAL;
	*ret = e;
	return 0;
}

void endpoint_print(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];

	addr_print(&e->addr, text);
	snprintf(out, ENDPOINT_TEXT_MAX, addr_is_v4(&e->addr) ? "%s:%u" : "[%s]:%u", text, e->port);
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr_is_v4(&e->addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->addr.b + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(e->port);
	memcpy(&v6->sin6_addr, e->addr.b, 16);
	return sizeof(*v6);
}

int endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (sa->sa_family == AF_INET) {
		addr_from_v4(&v4->sin_addr, &ret->addr);
		ret->port = ntohs(v4->sin_port);
		return 0;
	}
	if (sa->sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(ret->addr.b, &v6->sin6_addr, 16);
	ret->port = ntohs(v6->sin6_port);
	return 0;
}
