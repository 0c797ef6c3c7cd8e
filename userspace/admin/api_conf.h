/* API documents about the whole: version, overview, start-up settings, everything at once. Control thread; new
 * references. */
#pragma once
#include "admin/view.h"

json_t *api_version(const struct apply *a);
json_t *api_overview(const struct apply *a);
json_t *api_entrypoints(const struct apply *a); /* name -> settings */
json_t *api_rawdata(const struct apply *a);
