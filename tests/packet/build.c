/* The frame builder. */
#include "build.h"
#include <arpa/inet.h>
#include <string.h>

#define ETH_LEN 14

static void put16(uint8_t *p, uint16_t v)
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

static uint32_t l4_sum(const uint8_t *ip)
{
	size_t hlen = (ip[0] & 15) * 4, len = get16(ip + 2) - hlen;
	uint32_t acc = sum(0, ip + 12, 8) + ip[9] + (uint32_t)len;

	return sum(acc, ip + hlen, len);
}

static size_t csum_at(const uint8_t *ip)
{
	return (ip[0] & 15) * 4 + (ip[9] == 6 ? 16 : 6);
}

void build_checksums(struct frame *f, bool no_udp_csum)
{
	uint8_t *ip = f->b + ETH_LEN;
	size_t at = csum_at(ip);
	uint16_t c;

	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sum(0, ip, (ip[0] & 15) * 4));
	if (ip[9] != 6 && ip[9] != 17)
		return;
	put16(ip + at, 0);
	if (ip[9] == 17 && no_udp_csum)
		return;
	c = (uint16_t)~l4_sum(ip);
	put16(ip + at, ip[9] == 17 && c == 0 ? 0xffff : c);
}

bool build_verify(const struct frame *f)
{
	const uint8_t *ip = f->b + ETH_LEN;

	if (sum(0, ip, (ip[0] & 15) * 4) != 0xffff)
		return false;
	return (ip[9] == 17 && get16(ip + csum_at(ip)) == 0) || l4_sum(ip) == 0xffff;
}

static uint8_t *put_eth(const struct shape *s, uint8_t *p)
{
	static const uint8_t oui[5] = { 2, 0, 0, 0, 0 };

	memcpy(p, oui, 5);
	p[5] = (uint8_t)(s->to ? s->to : LB);
	memcpy(p + 6, oui, 5);
	p[11] = (uint8_t)(s->from ? s->from : CLIENT);
	put16(p + 12, s->ethertype ? s->ethertype : 0x0800);
	return p + ETH_LEN;
}

static uint8_t *put_ip(const struct shape *s, uint8_t *p, size_t l4_len)
{
	size_t hlen = 20 + s->options * 4u;

	memset(p, 0, hlen);
	p[0] = (uint8_t)(0x40 | hlen / 4);
	put16(p + 2, (uint16_t)(hlen + l4_len));
	put16(p + 4, 0x1234);
	put16(p + 6, s->frag);
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
	put16(p, s->sport);
	put16(p + 2, s->dport);
	if (s->proto == 6) {
		put16(p + 6, 0x4711); /* sequence number */
		p[12] = (uint8_t)(l4_header(s) / 4 << 4);
		p[13] = s->flags;
		put16(p + 14, 0xfaf0);
		memset(p + 20, 1, s->tcp_options * 4u);
	} else {
		put16(p + 4, (uint16_t)(8 + payload));
	}
	return p + l4_header(s);
}

void build(const struct shape *s, struct frame *ret)
{
	size_t payload = s->payload == 0xffff ? 0 : s->payload ? s->payload : 10;
	uint8_t *p = put_eth(s, ret->b);

	p = put_ip(s, p, l4_header(s) + payload);
	p = put_l4(s, p, payload);
	for (size_t i = 0; i < payload; i++)
		*p++ = (uint8_t)(s->seed + i * 7);
	memset(p, 0xee, s->pad);
	ret->n = (size_t)(p - ret->b) + s->pad;
	build_checksums(ret, s->no_udp_csum);
}
