/* What must hold for any bytes given to the head parser, whole or cut. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/h1_parse.h"

typedef enum h1_error (*head_parser)(const char *p, size_t n, struct field *fields, struct head *ret);

static void must(bool yes)
{
	if (!yes)
		abort();
}

static bool lies_in(struct str s, const char *p, size_t n)
{
	return s.n == 0 || (s.p >= p && s.p + s.n <= p + n);
}

/* Nothing in a field that another reader could take for its end. */
static bool is_clean(struct str s)
{
	return s.n == 0 || (!memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && !memchr(s.p, '\0', s.n));
}

static void check_whole(const struct head *h, const char *p, size_t n)
{
	size_t scanned = 0;
	must(h->size <= n && h->size >= 4 && memcmp(p + h->size - 4, "\r\n\r\n", 4) == 0);
	must(h->nfields <= HEAD_MAX_FIELDS);
	must(!(h->chunked && h->content_length >= 0) && !(h->chunked && h->minor == 0));
	must(lies_in(h->method, p, h->size) && lies_in(h->target, p, h->size) && lies_in(h->reason, p, h->size));
	for (unsigned i = 0; i < h->nfields; i++) {
		const struct field *f = &h->fields[i];
		must(f->name.n > 0 && lies_in(f->name, p, h->size) && lies_in(f->value, p, h->size));
		must(is_clean(f->name) && is_clean(f->value));
		must(f->token == token_find(f->name));
	}
	must(h1_find_end(p, n, &scanned) == H1_OK);
	scanned = 0;
	must(h1_find_end(p, h->size - 1, &scanned) == H1_MORE);
}

/* A shorter input is either undecided or gets the same error; an error is final. */
static void check_cut(head_parser parse, const char *p, size_t cut, enum h1_error whole)
{
	struct field fields[HEAD_MAX_FIELDS];
	struct head h;
	char *copy = malloc(cut ? cut : 1);
	memcpy(copy, p, cut);
	enum h1_error e = parse(copy, cut, fields, &h);
	must(e == H1_MORE || e == whole);
	free(copy);
}

static void check_head(head_parser parse, const char *p, size_t n)
{
	struct field fields[HEAD_MAX_FIELDS];
	struct head h;
	enum h1_error e = parse(p, n, fields, &h);
	if (e == H1_OK)
		check_whole(&h, p, n);
	size_t upto = e == H1_OK ? h.size - 1 : n;
	size_t step = 1 + upto / 256;
	for (size_t cut = 0; cut <= upto; cut += step)
		check_cut(parse, p, cut, e == H1_OK ? H1_MORE : e);
}
