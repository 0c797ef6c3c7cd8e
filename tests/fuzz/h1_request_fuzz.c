/* Request heads. */
#include "h1_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_head(h1_parse_request, (const char *)data, size);
	return 0;
}
