/* What a request to the demo backend asks for, and the text of the answers. Pure: no sockets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "http/head.h"

#define PAGE_MAX_SIZE	 (1ull << 30)
#define PAGE_MAX_CHUNKS	 1000000u
#define PAGE_MAX_WAIT_MS 60000u

enum page_kind { PAGE_WHOAMI, PAGE_SIZE, PAGE_CHUNKED, PAGE_ECHO, PAGE_HEALTH, PAGE_SET_HEALTH };

struct page {
	enum page_kind kind;
	bool json;
	int status;
	uint64_t wait_ms;
	uint64_t left;	/* bytes (PAGE_SIZE) or chunks (PAGE_CHUNKED) still to send */
	uint64_t total; /* of the same */
};

struct page_facts {
	const char *name, *hostname, *local, *peer;
	const struct head *req;
};

/* Reads path and query; values out of range are brought into it. */
void page_choose(struct page *p, const struct head *req);
void page_write(struct buf *out, const struct page_facts *f, bool json);
/* Appends the next part of the answer, at most some 16 KiB. Every byte of PAGE_SIZE is a function of its position. */
void page_bytes(struct page *p, struct buf *out);
void page_chunk(struct page *p, struct buf *out, bool framed);
