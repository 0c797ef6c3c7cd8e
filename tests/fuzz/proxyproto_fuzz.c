/* PROXY protocol headers: a verdict on a part is the verdict on the whole, nothing outside the input is read, and what
 * is taken has the length it says. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "net/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool yes)
{
	if (!yes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxyproto whole, part, again;
	const char *p = (const char *)data;
	int rc = proxyproto_parse(p, size, &whole);
	must(rc >= -EPROTO && rc <= (int)PROXYPROTO_MAX && (rc <= 0 || (size_t)rc <= size));
	if (rc > 0)
		must(proxyproto_parse(p, (size_t)rc, &again) == rc && again.known == whole.known &&
		     endpoint_eq(&again.src, &whole.src));
	for (size_t n = 0; n < size && n < 300; n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, p, n);
		int cut = proxyproto_parse(copy, n, &part);
		must(cut == -EAGAIN || cut == rc);
		free(copy);
	}
	return 0;
}
