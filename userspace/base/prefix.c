/* CIDR prefixes: parsing and a sorted set searched by bisection. IPv4 lives at ::ffff:0:0/96, but a shorter IPv6 prefix
 * that spans it ("::/0") does not speak for IPv4: whoever trusts every IPv6 peer has not said so of IPv4. */
#include "base/prefix.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"

#define V4_BITS 96 /* of the 16-byte form, in front of an IPv4 address */

static void clear_host_bits(struct prefix *p)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (whole >= sizeof(p->addr.b))
		return;
	p->addr.b[whole] &= (uint8_t)(0xff00 >> rest);
	memset(p->addr.b + whole + 1, 0, sizeof(p->addr.b) - whole - 1);
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0 && s.n <= 3;
}

int prefix_parse(struct str s, struct prefix *ret)
{
	struct prefix p = { .len = 128 };
	struct str host, bits = str_cut(s, '/', &host);
	bool dotted = host.n && !memchr(host.p, ':', host.n);
	uint64_t len;

	if (!host.n || host.p[0] == '[' || addr_parse(host, &p.addr) < 0)
		return -EINVAL;
	if (bits.p) {
		if (!all_digits(bits) || num_u64(bits, &len) < 0 || len > (dotted ? 32 : 128))
			return -EINVAL;
		p.len = (uint8_t)(len + (dotted ? V4_BITS : 0));
	}
	clear_host_bits(&p);
	*ret = p;
	return 0;
}

static bool is_v4(const struct prefix *p)
{
	return p->len >= V4_BITS && addr_is_v4(&p->addr);
}

static bool covers(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (addr_is_v4(a) && p->len < V4_BITS)
		return false;
	if (memcmp(p->addr.b, a->b, whole))
		return false;
	return !rest || !((p->addr.b[whole] ^ a->b[whole]) & (uint8_t)(0xff00 >> rest));
}

void prefix_set_add(struct prefix_set *s, const struct prefix *p)
{
	struct prefix clean = *p;

	clear_host_bits(&clean);
	vec_push(s, clean);
}

/* By address, the wider one first. */
static int compare(const void *va, const void *vb)
{
	const struct prefix *a = va, *b = vb;
	int c = memcmp(a->addr.b, b->addr.b, sizeof(a->addr.b));

	return c ? c : (int)a->len - (int)b->len;
}

void prefix_set_finish(struct prefix_set *s)
{
	size_t kept = 0, last6 = SIZE_MAX; /* last kept one that is not IPv4: it may go on after the IPv4 block */

	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 0; i < s->n; i++) {
		const struct prefix p = s->v[i];

		if (kept && covers(&s->v[kept - 1], &p.addr))
			continue;
		if (last6 != SIZE_MAX && covers(&s->v[last6], &p.addr))
			continue;
		if (!is_v4(&p))
			last6 = kept;
		s->v[kept++] = p;
	}
	s->n = kept;
}

/* How many prefixes start at or before a. */
static size_t start_upto(const struct prefix_set *s, const struct addr *a)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(s->v[mid].addr.b, a->b, sizeof(a->b)) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool prefix_set_has(const struct prefix_set *s, const struct addr *a)
{
	size_t n = start_upto(s, a);

	if (!n)
		return false;
	if (covers(&s->v[n - 1], a))
		return true;
	if (addr_is_v4(a) || !is_v4(&s->v[n - 1]))
		return false;
	/* An IPv6 prefix that begins before the IPv4 block may reach past it. */
	n = start_upto(s, &(struct addr){ .b = { [10] = 0xff, [11] = 0xfe, 0xff, 0xff, 0xff, 0xff } });
	return n && covers(&s->v[n - 1], a);
}

void prefix_set_free(struct prefix_set *s)
{
	vec_free(s);
}
