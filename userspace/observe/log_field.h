/* The fields of a JSON access-log line: one row each, from name to getter. Names and meanings are Traefik's. */
#pragma once
#include <stdint.h>
#include "base/str.h"
#include "observe/stamp.h"
#include "proxy/req.h"

/* One finished request and what several fields need of it, computed once. */
struct log_line {
	const struct req *r;
	uint64_t start_wall_ns, end_wall_ns;
	struct stamp start; /* a copy: the end may take its place in the cache */
	const struct stamp *end;
	uint64_t count; /* requests since the program started */
	char peer[ENDPOINT_TEXT_MAX];
	struct str peer_host, peer_port; /* views into peer */
	struct str host, port;		 /* of the Host field; port "-" when absent */
};

/* What a row yields; exactly one getter is set. */
struct log_field_row {
	const char *prefix;			      /* `"Name":` as it goes into the line */
	struct str (*text)(const struct log_line *l); /* p == NULL: the field is left out */
	uint64_t (*number)(const struct log_line *l);
	void (*stamp)(const struct log_line *l, struct out *o);
	const char *doc;
};

extern const struct log_field_row log_fields[];
extern const size_t log_nfields;

void log_line_init(struct log_line *l, const struct req *r, struct stamp_cache *stamps, uint64_t count);
struct str log_line_path(const struct log_line *l);   /* path with query as received */
struct str log_line_client(const struct log_line *l); /* X-Forwarded-For of a trusted peer, else its address */
struct str log_line_protocol(const struct log_line *l);
uint64_t log_line_duration(const struct log_line *l);	     /* ns */
void log_line_json(const struct log_line *l, struct out *o); /* one object and a line feed */
