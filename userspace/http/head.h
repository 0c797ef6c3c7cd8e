/* A request's or response's head as views into the bytes it was parsed from, whatever protocol version carried it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "http/token.h"

#define HEAD_MAX_FIELDS 200

struct field {
	struct str name, value;
	enum token token;
};

struct head {
	struct str method, target; /* requests */
	int status;		   /* responses */
	struct str reason;
	int minor; /* HTTP/1.minor */
	struct field *fields;
	unsigned nfields;
	size_t size; /* bytes the head took, final empty line included */

	/* framing and connection facts, checked against each other by the parser */
	int64_t content_length; /* -1: not given */
	bool chunked;
	bool close;   /* the sender will not go on with this connection */
	bool upgrade; /* Connection: upgrade with an Upgrade field */
	bool expect_continue;
	bool expect_other;     /* an expectation nobody knows */
	struct str host;       /* Host field; empty when absent */
	struct str connection; /* Connection field value (several joined lists are walked field by field) */
};

/* First field with that token, or NULL. */
static inline struct field *head_field(const struct head *h, enum token t)
{
	for (unsigned i = 0; i < h->nfields; i++)
		if (h->fields[i].token == t)
			return &h->fields[i];
	return NULL;
}
