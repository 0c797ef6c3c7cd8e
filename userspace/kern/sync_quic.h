/* Keeps the map of QUIC server ids at what services want. Control thread only. */
#pragma once
#include <stdbool.h>
#include "kern/live.h"
#include "lb/service.h"

struct sync_quic {
	struct live *l;
	struct lb_quic_key *wanted;
	size_t n, room;
};

void sync_quic_begin(struct sync_quic *q, struct live *l);
/* Server `at` of the service is the backend of this id. 0 or -errno. */
int sync_quic_put(struct sync_quic *q, uint32_t service_id, const struct kern_service *s, size_t at,
		  uint32_t backend_id);
/* Removes what was not put, unless a put failed. */
void sync_quic_end(struct sync_quic *q, bool complete);
