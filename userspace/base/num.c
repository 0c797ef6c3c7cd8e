/* Numbers as people write them: strict forms, checked ranges. Independent of the locale except num_double(), which
 * relies on the program never leaving the C locale. */
#include "base/num.h"
#include "base/mem.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_TEXT_MAX 64
#define EDIT_MAX     256 /* longer texts are not worth comparing letter by letter */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int num_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;
	bool over = false;

	if (!s.n)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -EINVAL;
		over |= __builtin_mul_overflow(v, 10u, &v);
		over |= __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v);
	}
	if (over)
		return -ERANGE;
	*ret = v;
	return 0;
}

/* Takes one sign off the front; true when it was a minus. */
static bool take_sign(struct str *s)
{
	bool minus = s->n && s->p[0] == '-';

	if (s->n && (minus || s->p[0] == '+'))
		*s = str_skip(*s, 1);
	return minus;
}

static int apply_sign(uint64_t v, bool minus, int64_t *ret)
{
	if (v > (uint64_t)INT64_MAX + minus)
		return -ERANGE;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int num_i64(struct str s, int64_t *ret)
{
	bool minus = take_sign(&s);
	uint64_t v;
	int r = num_u64(s, &v);

	return r ? r : apply_sign(v, minus, ret);
}

static size_t count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the point. */
static bool is_decimal(struct str s)
{
	size_t whole, fraction = 0;

	take_sign(&s);
	whole = count_digits(s);
	s = str_skip(s, whole);
	if (s.n && s.p[0] == '.') {
		fraction = count_digits(str_skip(s, 1));
		s = str_skip(s, 1 + fraction);
	}
	if (!whole && !fraction)
		return false;
	if (s.n && (s.p[0] == 'e' || s.p[0] == 'E')) {
		s = str_skip(s, 1);
		take_sign(&s);
		return s.n && count_digits(s) == s.n;
	}
	return !s.n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int num_hex(struct str s, uint8_t *ret, size_t n)
{
	if (s.n != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return 0;
}

int num_double(struct str s, double *ret)
{
	char text[NUM_TEXT_MAX];
	double v;

	if (!is_decimal(s) || s.n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	v = strtod(text, NULL);
	if (isinf(v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int num_bool(struct str s, bool *ret)
{
	static const char *const words[] = { "1", "t", "T", "TRUE",  "true",  "True",
					     "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(s, str_of(words[i])))
			continue;
		*ret = i < ARRAY_LEN(words) / 2;
		return 0;
	}
	return -EINVAL;
}

struct unit {
	const char *name;
	uint64_t size;
};

/* Longer names first where one is the beginning of another. The two spellings of µ are U+00B5 and U+03BC. */
static const struct unit duration_units[] = {
	{ "ns", 1 },	   { "us", 1000 },	{ "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 },
	{ "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },  { "h", 3600000000000 },
};

static const struct unit *find_unit(const struct unit *units, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(units[i].name)))
			return &units[i];
	return NULL;
}

/* digits[.digits] off the front of s: the whole part and the fraction in units of 10^-18, further digits cut off. */
static int take_decimal(struct str *s, uint64_t *ret_whole, uint64_t *ret_fraction)
{
	uint64_t whole = 0, fraction = 0, place = 100000000000000000ull;
	size_t n = count_digits(*s), m = 0;
	int r = n ? num_u64(str_mk(s->p, n), &whole) : 0;

	*s = str_skip(*s, n);
	if (s->n && s->p[0] == '.') {
		*s = str_skip(*s, 1);
		m = count_digits(*s);
		for (size_t i = 0; i < m; i++, place /= 10)
			fraction += (uint64_t)(s->p[i] - '0') * place;
		*s = str_skip(*s, m);
	}
	if (!n && !m)
		return -EINVAL;
	*ret_whole = whole;
	*ret_fraction = fraction;
	return r;
}

/* One "1.5h" off the front of s, added to *sum. An overflow is remembered, so that a malformed rest
 * is -EINVAL first. */
static int take_duration(struct str *s, uint64_t *sum, bool *over)
{
	uint64_t whole = 0, fraction = 0, ns;
	const struct unit *u;
	size_t n = 0;
	int r = take_decimal(s, &whole, &fraction);

	if (r == -EINVAL)
		return r;
	while (n < s->n && s->p[n] != '.' && !is_digit(s->p[n]))
		n++;
	u = find_unit(duration_units, ARRAY_LEN(duration_units), str_mk(s->p, n));
	if (!u)
		return -EINVAL;
	*s = str_skip(*s, n);
	*over |= r == -ERANGE || __builtin_mul_overflow(whole, u->size, &ns) || __builtin_add_overflow(*sum, ns, sum);
	ns = (uint64_t)((unsigned __int128)fraction * u->size / 1000000000000000000ull);
	*over |= __builtin_add_overflow(*sum, ns, sum);
	return 0;
}

int num_duration_ns(struct str s, int64_t *ret)
{
	uint64_t sum = 0;
	bool over = false, minus = take_sign(&s);
	int r;

	if (!s.n)
		return -EINVAL;
	if (count_digits(s) == s.n) {
		r = num_u64(s, &sum);
		if (r)
			return r;
		if (__builtin_mul_overflow(sum, 1000000000u, &sum))
			return -ERANGE;
		return apply_sign(sum, minus, ret);
	}
	while (s.n) {
		r = take_duration(&s, &sum, &over);
		if (r)
			return r;
	}
	return over ? -ERANGE : apply_sign(sum, minus, ret);
}

int num_size(struct str s, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "kB", 1000 },
		{ "MB", 1000000 },
		{ "GB", 1000000000 },
		{ "KiB", 1024 },
		{ "MiB", 1024 * 1024 },
		{ "GiB", 1024 * 1024 * 1024 },
	};
	size_t n = count_digits(s);
	const struct unit *u = find_unit(units, ARRAY_LEN(units), str_skip(s, n));
	uint64_t v;
	int r = num_u64(str_mk(s.p, n), &v);

	if (r == -EINVAL || !u)
		return -EINVAL;
	if (r || __builtin_mul_overflow(v, u->size, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}

/* v / unit with the fraction's trailing zeros removed: 1500000, 1000000 -> "1.5". `digits` is the
 * unit's power of ten. */
static int print_decimal(char *out, size_t room, uint64_t v, uint64_t unit, int digits)
{
	uint64_t fraction = v % unit;
	int n = snprintf(out, room, "%llu", (unsigned long long)(v / unit));

	if (!fraction)
		return n;
	while (fraction % 10 == 0) {
		fraction /= 10;
		digits--;
	}
	return n + snprintf(out + n, room - (size_t)n, ".%0*llu", digits, (unsigned long long)fraction);
}

void num_print_duration(int64_t ns, char out[32])
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, seconds = v / 1000000000;
	int n = 0;

	if (ns < 0)
		out[n++] = '-';
	if (v && v < 1000) {
		snprintf(out + n, 32 - (size_t)n, "%lluns", (unsigned long long)v);
		return;
	}
	if (v && !seconds) {
		bool micro = v < 1000000;

		n += print_decimal(out + n, 32 - (size_t)n, v, micro ? 1000 : 1000000, micro ? 3 : 6);
		snprintf(out + n, 32 - (size_t)n, "%s", micro ? "\xc2\xb5s" : "ms");
		return;
	}
	if (seconds >= 3600)
		n += snprintf(out + n, 32 - (size_t)n, "%lluh", (unsigned long long)(seconds / 3600));
	if (seconds >= 60)
		n += snprintf(out + n, 32 - (size_t)n, "%llum", (unsigned long long)(seconds / 60 % 60));
	n += print_decimal(out + n, 32 - (size_t)n, v % 60000000000, 1000000000, 9);
	snprintf(out + n, 32 - (size_t)n, "s");
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* One row of the distance matrix: b against the first i letters of a; prev and prev2 are the rows before it. */
static void edit_row(struct str a, struct str b, size_t i, unsigned *row, const unsigned *prev, const unsigned *prev2)
{
	row[0] = (unsigned)i;
	for (size_t j = 1; j <= b.n; j++) {
		char x = str_lower_char(a.p[i - 1]), y = str_lower_char(b.p[j - 1]);

		row[j] = min3(prev[j] + 1, row[j - 1] + 1, prev[j - 1] + (x != y));
		if (i > 1 && j > 1 && x == str_lower_char(b.p[j - 2]) && str_lower_char(a.p[i - 2]) == y &&
		    prev2[j - 2] + 1 < row[j])
			row[j] = prev2[j - 2] + 1;
	}
}

unsigned num_edit_distance(struct str a, struct str b)
{
	unsigned rows[3][EDIT_MAX + 1];

	if (a.n > EDIT_MAX || b.n > EDIT_MAX)
		return (unsigned)(a.n > b.n ? a.n : b.n);
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++)
		edit_row(a, b, i, rows[i % 3], rows[(i - 1) % 3], rows[(i + 1) % 3]);
	return rows[a.n % 3][b.n];
}

const char *num_nearest(struct str s, const char *const *names, size_t n)
{
	unsigned best = (unsigned)(s.n / 3 + 2);
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = num_edit_distance(s, str_of(names[i]));

		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
