/* Which router a request would take, and why: the answer behind `sluice explain`. */
#pragma once
#include <jansson.h>
#include "conf/apply.h"

/* The query's parameters are the request: method, url, header ("name:value", several), from (its address), sni, entry
 * (the entry point's name; else the URL's port says). New reference: with "message" and *ret_status 400 when they are
 * none. Control thread. */
json_t *api_explain(const struct apply *a, struct str query, int *ret_status);
