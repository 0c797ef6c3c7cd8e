/* ClientHellos: any bytes; more of the same only ever turns "more" into an answer. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "tls/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char scratch[HELLO_MAX];
	struct hello whole, part;
	int rc = hello_parse((const char *)data, size, scratch, &whole);
	if (rc != 0 && rc != -EAGAIN && rc != -EBADMSG)
		abort();
	if (whole.sni[whole.sni_len] != '\0' || whole.nalpn > HELLO_ALPN_MAX)
		abort();
	int half = hello_parse((const char *)data, size / 2, scratch, &part);
	if (half != -EAGAIN && half != rc)
		abort();
	if (half == 0 && !str_eq(hello_sni(&whole), hello_sni(&part)))
		abort();
	return 0;
}
