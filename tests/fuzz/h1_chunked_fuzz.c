/* Chunked bodies: in whatever pieces they arrive, the outcome is that of the whole. The first byte chooses the pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/http/h1_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_decoded whole, split;
	if (size == 0)
		return 0;
	const char *p = (const char *)data + 1;
	h1_decode(H1_BODY_CHUNKED, 0, p, size - 1, SIZE_MAX, SIZE_MAX, &whole);
	h1_decode(H1_BODY_CHUNKED, 0, p, size - 1, 1 + data[0] % 16, 1 + data[0] / 16, &split);
	if (whole.bad != split.bad || whole.done != split.done ||
	    !str_eq(buf_view(&whole.content), buf_view(&split.content)))
		abort();
	if (whole.bad && whole.done)
		abort();
	if (whole.done && (whole.consumed != split.consumed || memcmp(p + whole.consumed - 4, "\r\n\r\n", 4) != 0))
		abort();
	buf_free(&whole.content);
	buf_free(&split.content);
	return 0;
}
