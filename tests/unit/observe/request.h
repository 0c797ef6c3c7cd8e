/* A finished request as an access logger sees it, for tests. */
#pragma once
#include "base/clock.h"
#include "proxy/req.h"

struct request_fixture {
	struct req r;
	struct entry entry;
	struct route route;
	struct target target;
	struct field fields[1];
};

#define REQUEST_WALL_NS                                                                              \
	(1732156496ull * NS_PER_S + 123450000) /* 2024-11-21T02:34:56.12345Z, the end of the request \
						*/

static inline void request_fixture_init(struct request_fixture *f)
{
	static char name[] = "http://198.18.1.11:80", authority[] = "198.18.1.11:80";

	memset(f, 0, sizeof(*f));
	clock_freeze(50 * NS_PER_S, REQUEST_WALL_NS);
	f->entry.name = "web";
	f->route.name = "api@file";
	f->route.service_name = "svc@file";
	f->target.name = name;
	f->target.authority = authority;
	f->fields[0] = (struct field){ STR("X-Forwarded-For"), STR("203.0.113.9, 10.0.0.1"), TOKEN_X_FORWARDED_FOR };
	f->r.entry = &f->entry;
	f->r.route = &f->route;
	f->r.target = &f->target;
	endpoint_parse(STR("198.18.0.1:54321"), &f->r.peer);
	f->r.in.method = STR("GET");
	f->r.in.target = STR("/v1/items?q=1");
	f->r.in.minor = 1;
	f->r.in.host = STR("api.test:8000");
	f->r.in.fields = f->fields;
	f->r.in.nfields = 1;
	f->r.start_ns = 10 * NS_PER_S;
	f->r.end_ns = f->r.start_ns + 1500 * NS_PER_MS + 5;
	f->r.origin_ns = 1400 * NS_PER_MS;
	f->r.request_bytes = 12;
	f->r.response_bytes = 3456;
	f->r.origin_bytes = 3400;
	f->r.status = f->r.origin_status = 200;
	f->r.attempts = 1;
}
