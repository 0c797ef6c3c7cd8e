/* A hash map: it is asked only for services that use QUIC ids, and holds few. */
#include "kern/sync_quic.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "xdp.skel.h"

void sync_quic_begin(struct sync_quic *q, struct live *l)
{
	*q = (struct sync_quic){ .l = l, .room = l->table.nbackends };
	q->wanted = mem_zalloc(q->room * sizeof(*q->wanted));
}

int sync_quic_put(struct sync_quic *q, uint32_t service_id, const struct kern_service *s, size_t at,
		  uint32_t backend_id)
{
	struct lb_quic_key k = { .service = service_id };

	if (q->n == q->room)
		return -ENOSPC;
	memcpy(k.id, s->backends[at].quic_id, s->quic_length);
	q->wanted[q->n++] = k;
	return bpf_map_update_elem(bpf_map__fd(q->l->object->maps.quic_ids), &k, &backend_id, BPF_ANY) < 0 ? -errno : 0;
}

static bool is_wanted(const struct sync_quic *q, const struct lb_quic_key *k)
{
	for (size_t i = 0; i < q->n; i++)
		if (memcmp(&q->wanted[i], k, sizeof(*k)) == 0)
			return true;
	return false;
}

/* The key after a deleted one is asked for before the deletion. */
void sync_quic_end(struct sync_quic *q, bool complete)
{
	int fd = bpf_map__fd(q->l->object->maps.quic_ids);
	struct lb_quic_key key, next;
	int more = complete ? bpf_map_get_next_key(fd, NULL, &next) : -1;

	while (more == 0) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		if (!is_wanted(q, &key))
			(void)bpf_map_delete_elem(fd, &key);
	}
	free(q->wanted);
	q->wanted = NULL;
}
