/* The HTTP/1 head parsers: no crash, no view outside the input, and the same answer whatever follows the head. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/h1_parse.h"

static void inside(const char *p, size_t n, struct str v)
{
	assert(v.n == 0 || (v.p >= p && v.p + v.n <= p + n));
}

static void look(const char *p, size_t n, const struct head *h)
{
	assert(h->size <= n && h->nfields <= HEAD_MAX_FIELDS);
	assert(!(h->chunked && h->content_length >= 0));
	for (unsigned i = 0; i < h->nfields; i++) {
		inside(p, h->size, h->fields[i].name);
		inside(p, h->size, h->fields[i].value);
		assert(!memchr(h->fields[i].value.p ? h->fields[i].value.p : "", '\n', h->fields[i].value.n));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct field fields[HEAD_MAX_FIELDS];
	struct head head, again;
	size_t scanned = 0;
	char *p = malloc(n + 1); /* exact size: the sanitizer sees a read behind the end */

	memcpy(p, data, n);
	if (h1_parse_request(p, n, fields, &head) == H1_OK) {
		look(p, n, &head);
		inside(p, n, head.target);
		assert(h1_parse_request(p, head.size, fields, &again) == H1_OK && again.size == head.size);
		assert(h1_find_end(p, n, &scanned) == H1_OK);
		for (size_t cut = head.size > 64 ? head.size - 64 : 0; cut < head.size; cut++)
			assert(h1_parse_request(p, cut, fields, &again) != H1_OK);
	}
	if (h1_parse_response(p, n, fields, &head) == H1_OK)
		look(p, n, &head);
	free(p);
	return 0;
}
