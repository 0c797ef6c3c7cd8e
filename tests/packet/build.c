/* The frame builder. */
#include "build.h"
#include <arpa/inet.h>
#include <string.h>

void build_put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* RFC 1071 §4.1, byte by byte. */
static uint32_t sum(uint32_t acc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		acc += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (acc > 0xffff)
		acc = (acc & 0xffff) + (acc >> 16);
	return acc;
}

/* Where things stand in a finished frame. */
struct seen {
	uint8_t *ip, *l4;
	bool six;
	uint8_t proto;
	size_t l4_len;
};

static struct seen look(const struct frame *f)
{
	uint8_t *p = (uint8_t *)f->b + 12;
	struct seen s = { 0 };
	size_t end;

	while (get16(p) == 0x8100 || get16(p) == 0x88a8)
		p += 4;
	s.ip = p + 2;
	s.six = s.ip[0] >> 4 == 6 && get16(p) == 0x86dd;
	if (!s.six) {
		s.l4 = s.ip + (s.ip[0] & 15) * 4;
		s.proto = s.ip[9];
		s.l4_len = get16(s.ip + 2) - (s.ip[0] & 15) * 4u;
		return s;
	}
	end = 40u + get16(s.ip + 4);
	s.l4 = s.ip + 40;
	s.proto = s.ip[6];
	while (s.proto == 0 || s.proto == 43 || s.proto == 44 || s.proto == 60) {
		uint8_t next = s.l4[0];

		s.l4 += s.proto == 44 ? 8 : (s.l4[1] + 1) * 8;
		s.proto = next;
	}
	s.l4_len = (size_t)(s.ip + end - s.l4);
	return s;
}

static uint32_t l4_sum(const struct seen *s)
{
	uint32_t acc = s->six ? sum(0, s->ip + 8, 32) : sum(0, s->ip + 12, 8);

	if (s->proto == 1) /* no pseudo-header (RFC 792) */
		return sum(0, s->l4, s->l4_len);
	return sum(acc + s->proto + (uint32_t)s->l4_len, s->l4, s->l4_len);
}

void build_ip_checksum(struct frame *f)
{
	struct seen s = look(f);

	build_put16(s.ip + 10, 0);
	build_put16(s.ip + 10, (uint16_t)~sum(0, s.ip, (s.ip[0] & 15) * 4));
}

void build_checksums(struct frame *f, bool no_udp_csum)
{
	struct seen s = look(f);
	uint8_t *check = s.l4 + (s.proto == 6 ? 16 : s.proto == 17 ? 6 : 2);
	uint16_t c;

	if (!s.six)
		build_ip_checksum(f);
	if (s.proto != 6 && s.proto != 17 && s.proto != 1 && s.proto != 58)
		return;
	build_put16(check, 0);
	if (s.proto == 17 && no_udp_csum)
		return;
	c = (uint16_t)~l4_sum(&s);
	build_put16(check, s.proto == 17 && c == 0 ? 0xffff : c);
}

bool build_verify(const struct frame *f)
{
	struct seen s = look(f);

	if (!s.six && sum(0, s.ip, (s.ip[0] & 15) * 4) != 0xffff)
		return false;
	return (s.proto == 17 && get16(s.l4 + 6) == 0) || l4_sum(&s) == 0xffff;
}

static bool six(const struct shape *s)
{
	return s->src && strchr(s->src, ':');
}

static uint8_t *put_eth(const struct shape *s, uint8_t *p)
{
	static const uint8_t oui[5] = { 2, 0, 0, 0, 0 };

	memcpy(p, oui, 5);
	p[5] = (uint8_t)(s->to ? s->to : LB);
	memcpy(p + 6, oui, 5);
	p[11] = (uint8_t)(s->from ? s->from : CLIENT);
	p += 12;
	for (int i = 0; i < s->tags; i++, p += 4) {
		build_put16(p, s->tags == 2 && i == 0 ? 0x88a8 : 0x8100);
		build_put16(p + 2, (uint16_t)((s->vid ? s->vid : 100) + i));
	}
	build_put16(p, s->ethertype ? s->ethertype : six(s) ? 0x86dd : 0x0800);
	return p + 2;
}

static uint8_t ext_kind(char c)
{
	return c == 'h' ? 0 : c == 'r' || c == 'R' ? 43 : c == 'd' || c == 'D' ? 60 : 44;
}

static size_t ext_bytes(const struct shape *s)
{
	size_t n = 0;

	for (const char *e = s->ext; e && *e; e++)
		n += *e == 'D' ? 128 : 8;
	return n;
}

/* Headers without meaning (PadN options), each naming the one behind it. */
static uint8_t *put_ext(const struct shape *s, uint8_t *p)
{
	for (const char *e = s->ext; e && *e; e++) {
		size_t n = *e == 'D' ? 128 : 8;

		memset(p, 0, n);
		p[0] = e[1] ? ext_kind(e[1]) : s->proto;
		if (ext_kind(*e) != 44)
			p[1] = (uint8_t)(n / 8 - 1);
		if (*e == 'h' || *e == 'd' || *e == 'D') {
			p[2] = 1;
			p[3] = (uint8_t)(n - 4);
		}
		p[3] |= *e == 'R' || *e == 'F';
		p += n;
	}
	return p;
}

static uint8_t *put_ip6(const struct shape *s, uint8_t *p, size_t l4_len)
{
	memset(p, 0, 40);
	p[0] = 0x60;
	build_put16(p + 2, 0x4242); /* flow label */
	build_put16(p + 4, (uint16_t)(ext_bytes(s) + l4_len));
	p[6] = s->ext ? ext_kind(s->ext[0]) : s->proto;
	p[7] = s->ttl ? s->ttl : 64;
	inet_pton(AF_INET6, s->src, p + 8);
	inet_pton(AF_INET6, s->dst, p + 24);
	return put_ext(s, p + 40);
}

static uint8_t *put_ip(const struct shape *s, uint8_t *p, size_t l4_len)
{
	size_t hlen = 20 + s->options * 4u;

	memset(p, 0, hlen);
	p[0] = (uint8_t)(0x40 | hlen / 4);
	build_put16(p + 2, (uint16_t)(hlen + l4_len));
	build_put16(p + 4, 0x1234);
	build_put16(p + 6, s->frag);
	p[8] = s->ttl ? s->ttl : 64;
	p[9] = s->proto;
	inet_pton(AF_INET, s->src, p + 12);
	inet_pton(AF_INET, s->dst, p + 16);
	memset(p + 20, 1, s->options * 4u);
	return p + hlen;
}

static size_t l4_header(const struct shape *s)
{
	return s->proto == 6 ? 20 + s->tcp_options * 4u : 8;
}

static uint8_t *put_l4(const struct shape *s, uint8_t *p, size_t payload)
{
	memset(p, 0, l4_header(s));
	build_put16(p, s->sport);
	build_put16(p + 2, s->dport);
	if (s->proto == 6) {
		build_put16(p + 6, 0x4711); /* sequence number */
		p[12] = (uint8_t)(l4_header(s) / 4 << 4);
		p[13] = s->flags;
		build_put16(p + 14, 0xfaf0);
		memset(p + 20, 1, s->tcp_options * 4u);
	} else {
		build_put16(p + 4, (uint16_t)(8 + payload));
	}
	return p + l4_header(s);
}

void build(const struct shape *s, struct frame *ret)
{
	size_t payload = s->payload == 0xffff ? 0 : s->payload ? s->payload : 10;
	uint8_t *p = put_eth(s, ret->b);

	p = six(s) ? put_ip6(s, p, l4_header(s) + payload) : put_ip(s, p, l4_header(s) + payload);
	p = put_l4(s, p, payload);
	for (size_t i = 0; i < payload; i++)
		*p++ = (uint8_t)(s->seed + i * 7);
	memset(p, 0xee, s->pad);
	ret->n = (size_t)(p - ret->b) + s->pad;
	build_checksums(ret, s->no_udp_csum);
}

uint16_t build_sum(const uint8_t *p, size_t n)
{
	return (uint16_t)~sum(0, p, n);
}

bool build_same(const struct frame *a, const struct frame *b)
{
	return a->n == b->n && memcmp(a->b, b->b, a->n) == 0;
}
