/* Addresses as configuration writes them. */
#include "model/address.h"
#include <errno.h>
#include <stdio.h>
#include "base/num.h"

/* Takes a trailing /tcp or /udp off. */
static int cut_protocol(struct str *text, bool *ret_udp)
{
	struct str head, suffix = str_cut(*text, '/', &head);

	*ret_udp = suffix.p && str_ieq(suffix, STR("udp"));
	if (suffix.p && !*ret_udp && !str_ieq(suffix, STR("tcp")))
		return -EINVAL;
	*text = head;
	return 0;
}

static int parse_port(struct str s, uint16_t *ret)
{
	uint64_t v;

	if (num_u64(s, &v) || v < 1 || v > 65535)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

/* Splits at the last colon that is not inside brackets; port.p is NULL when there is none. */
static void split_port(struct str s, struct str *ret_host, struct str *ret_port)
{
	const char *bracket = s.n ? memrchr(s.p, ']', s.n) : NULL;
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;

	*ret_host = s;
	*ret_port = (struct str){ 0 };
	if (!colon || (bracket && colon < bracket))
		return;
	*ret_host = str_mk(s.p, (size_t)(colon - s.p));
	*ret_port = str_mk(colon + 1, s.n - ret_host->n - 1);
}

static int parse_ports(struct str s, struct listen_at *ret)
{
	struct str first, last = str_cut(s, '-', &first);

	ret->last = 0;
	if (str_eq(s, STR("*"))) {
		ret->at.port = 0;
		ret->last = 65535;
		return 0;
	}
	if (parse_port(first, &ret->at.port) || (last.p && parse_port(last, &ret->last)))
		return -EINVAL;
	return last.p && ret->last <= ret->at.port ? -EINVAL : 0;
}

static int parse_listen_host(struct str host, struct addr *ret)
{
	struct endpoint e;
	char text[ENDPOINT_TEXT_MAX];

	if (host.n >= sizeof(text) - 2)
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s:1", (int)host.n, host.p); /* brackets and the empty host are its business */
	if (endpoint_parse(str_of(text), &e))
		return -EINVAL;
	*ret = e.addr;
	return 0;
}

int address_parse(const char *text, struct listen_at *ret)
{
	struct str s = str_of(text), host, port;
	struct listen_at at;

	if (cut_protocol(&s, &at.udp))
		return -EINVAL;
	split_port(s, &host, &port);
	if (!port.p || parse_ports(port, &at) || parse_listen_host(host, &at.at.addr))
		return -EINVAL;
	*ret = at;
	return 0;
}

const char *address_problem(const char *text)
{
	struct str s = str_of(text), host, port;
	struct listen_at at;
	struct addr ip;
	bool udp;

	if (address_parse(text, &at) == 0)
		return NULL;
	if (cut_protocol(&s, &udp))
		return "what follows the slash must be tcp or udp";
	split_port(s, &host, &port);
	if (!port.p || !port.n)
		return "the port is missing";
	if (parse_ports(port, &at))
		return "the port must be a number from 1 to 65535, a range of them such as 8000-8099, or * for all";
	if (host.n && addr_parse(host, &ip))
		return "the host must be an IP address, in brackets when it is IPv6, or nothing for every address";
	return "it is not an address";
}

static bool is_name(struct str host)
{
	if (!host.n || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = str_lower_char(host.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
	}
	return host.p[0] != '-' && host.p[0] != '.';
}

/* A name may not look like a number: "10.0.0.300" is a typing mistake, not a host. */
static bool looks_numeric(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	return true;
}

static int parse_host(struct str host, struct str *ret)
{
	struct addr ip;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = str_mk(host.p + 1, host.n - 2);
		if (!memchr(host.p, ':', host.n) || addr_parse(host, &ip))
			return -EINVAL;
	} else if (looks_numeric(host) ? addr_parse(host, &ip) != 0 : !is_name(host)) {
		return -EINVAL;
	}
	*ret = host;
	return 0;
}

int address_parse_url(const char *text, struct address_url *ret)
{
	const char *mark = strstr(text, "://");
	struct address_url url = { .port = 80 };
	struct str rest, authority, host, port;
	size_t end;

	if (!mark)
		return -EINVAL;
	url.scheme = str_mk(text, (size_t)(mark - text));
	rest = str_of(mark + 3);
	end = strcspn(rest.p, "/?#");
	authority = str_mk(rest.p, end);
	url.path = str_skip(rest, end);
	if (url.path.n && url.path.p[0] != '/')
		return -EINVAL;
	split_port(authority, &host, &port);
	if (parse_host(host, &url.host) || (port.p && parse_port(port, &url.port)))
		return -EINVAL;
	*ret = url;
	return 0;
}

int address_parse_prefix(struct str text, struct addr *ret, unsigned *ret_bits)
{
	struct str host, bits = str_cut(text, '/', &host);
	struct addr a;
	uint64_t n, width;

	if (addr_parse(host, &a))
		return -EINVAL;
	width = addr_is_v4(&a) ? 32 : 128;
	n = width;
	if (bits.p && (num_u64(bits, &n) || n > width))
		return -EINVAL;
	*ret = a;
	*ret_bits = (unsigned)(n + 128 - width);
	return 0;
}
