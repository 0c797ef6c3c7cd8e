/* What `sluice status` shows, as one JSON document: reloads and their errors, entry points, kernel interfaces, servers
 * with their state and the reason for it. Control thread; new reference. */
#pragma once
#include "admin/view.h"

json_t *api_status(const struct apply *a);
