/* The chunked decoder gives the same content whether bytes come at once or in pieces. The first byte chooses the piece's size. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "http/h1_body.h"

/* Content goes to out; returns its length, or -1 for a framing error. ret_used: bytes of input that belong to the body. */
static long decode(const char *p, size_t n, size_t piece, char *out, size_t *ret_used)
{
	struct h1_body b;
	size_t at = 0, have = 0, got = 0;

	h1_body_init(&b, H1_BODY_CHUNKED, 0);
	while (!b.done) {
		size_t skip, data;

		if (have == at && have == n)
			break;
		if (have == at)
			have = have + piece < n ? have + piece : n;
		if (h1_body_next(&b, p + at, have - at, &skip, &data) < 0)
			return -1;
		assert(skip + data <= have - at);
		memcpy(out + got, p + at + skip, data);
		h1_body_used(&b, data);
		got += data;
		at += skip + data;
		assert(skip + data > 0 || b.done);
	}
	*ret_used = at;
	return (long)got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char whole[65536], parts[65536];
	size_t used_whole = 0, used_parts = 0;
	long a, b;

	if (n < 1 || n > 65536)
		return 0;
	a = decode((const char *)data + 1, n - 1, n, whole, &used_whole);
	b = decode((const char *)data + 1, n - 1, 1 + data[0] % 16, parts, &used_parts);
	assert((a < 0) == (b < 0));
	if (a >= 0)
		assert(a == b && used_whole == used_parts && memcmp(whole, parts, (size_t)a) == 0);
	return 0;
}
