/* A perfect hash over length, first and last but one letter; the compiler proves that it is perfect (-Woverride-init).
 * Names are compared eight bytes at a time without regard to ASCII case. */
#include "http/token.h"

#include <stdint.h>

#define TOKEN_MAX 32 /* longest name; also the room each has, so that whole words can be read */

/* Multipliers found by trying; when a new name collides, try others. */
#define TOKEN_SLOT(n, first, penult) ((uint8_t)((n)*2 + (first)*9 + (penult)*8))

static const uint8_t token_slots[256] = {
#define TOKEN_SLOT_ROW(id, name, first, penult) [TOKEN_SLOT(sizeof(name) - 1, first, penult)] = TOKEN_##id,
	TOKEN_LIST(TOKEN_SLOT_ROW)
};

static const struct {
	char text[TOKEN_MAX + 1];
	uint8_t n;
} token_names[TOKEN_COUNT] = {
#define TOKEN_NAME_ROW(id, name, first, penult) [TOKEN_##id] = { name, sizeof(name) - 1 },
	TOKEN_LIST(TOKEN_NAME_ROW)
};

static uint64_t token_load(const char *p, size_t n)
{
	uint64_t w = 0;

	switch (n) {
	case 8:
		memcpy(&w, p, 8);
		break;
	case 4:
		memcpy(&w, p, 4);
		break;
	default:
		memcpy(&w, p, 2);
	}
	return w;
}

/* Whether `width` bytes of a name equal those of ours. Only bytes that are letters in ours (bit 0x40) may differ in
 * case. */
static bool token_same(const char *name, const char *ours, size_t width)
{
	uint64_t o = token_load(ours, width);
	uint64_t fold = (o & 0x4040404040404040u) >> 1;

	return (token_load(name, width) | fold) == (o | fold);
}

/* n >= 2. Words overlap at the end, so there is no tail of single bytes. */
static bool token_equal(const char *name, const char *ours, size_t n)
{
	size_t width = n >= 8 ? 8 : n >= 4 ? 4 : 2;

	for (size_t i = 0; i + width < n; i += width)
		if (!token_same(name + i, ours + i, width))
			return false;
	return token_same(name + n - width, ours + n - width, width);
}

enum token token_find(struct str name)
{
	if (name.n < 2 || name.n > TOKEN_MAX)
		return TOKEN_NONE;
	unsigned first = (unsigned char)name.p[0] | 0x20u, penult = (unsigned char)name.p[name.n - 2] | 0x20u;
	enum token t = token_slots[TOKEN_SLOT(name.n, first, penult)];

	if (token_names[t].n != name.n || !token_equal(name.p, token_names[t].text, name.n))
		return TOKEN_NONE;
	return t;
}

struct str token_name(enum token t)
{
	return t < TOKEN_COUNT ? str_mk(token_names[t].text, token_names[t].n) : str_mk("", 0);
}

static bool token_is_forwarded(enum token t)
{
	return (t >= TOKEN_X_FORWARDED_FOR && t <= TOKEN_X_FORWARDED_TLS_CLIENT_CERT_INFO) || t == TOKEN_X_REAL_IP ||
	       t == TOKEN_X_SCHEME;
}

bool token_is_forwarded_spelling(struct str name)
{
	char plain[TOKEN_MAX];

	if (name.n < 2 || name.n > TOKEN_MAX || (name.p[0] | 0x20) != 'x')
		return false;
	for (size_t i = 0; i < name.n; i++)
		plain[i] = name.p[i] == '_' ? '-' : name.p[i];
	return token_is_forwarded(token_find(str_mk(plain, name.n)));
}
